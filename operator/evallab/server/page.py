"""The API as one page for people (`/docs`): no script, nothing loaded, light and dark, printable. Pure.

Drawn from the same description that `/openapi.yaml` serves. It is our own page because the Swagger UI that a Python
package brings along offline (swagger-ui-bundle 1.1.0) is of 2022, weighs 8.6 MB, and needs scripts, which this page's
policy forbids.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any

from evallab.server.page_curl import curl
from evallab.server.page_schema import fields_table, kind

Json = Mapping[str, Any]
HEADERS: Mapping[str, str] = MappingProxyType(
    {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}
)
_FILES = Path(__file__).parent
_CODE = re.compile(r"`([^`]+)`")


def policy() -> str:
    """Return the content security policy: this page's own style, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def render(document: Json) -> str:
    """Draw the description."""
    groups = list(_groups(document))
    return Template((_FILES / "page.html").read_text(encoding="utf-8")).substitute(
        style=_style(),
        version=safe(document["info"]["version"]),
        about="".join(f"<p>{prose(part)}</p>" for part in document["info"]["description"].strip().split("\n\n")),
        index="\n".join(_index(tag, operations) for tag, operations in groups),
        groups="\n".join(_group(tag, operations, document) for tag, operations in groups),
        headers=_parameters(document["components"]["parameters"].values()),
        shapes="\n".join(_shape(name, schema, document) for name, schema in document["components"]["schemas"].items()),
    )


def safe(text: object) -> str:
    """Return text as HTML."""
    return escape(str(text), quote=True)


def prose(text: str) -> str:
    """Return text as HTML, with what stands between backquotes as code."""
    return _CODE.sub(r"<code>\1</code>", safe(text))


@cache
def _style() -> str:
    return (_FILES / "page.css").read_text(encoding="utf-8")


def _groups(document: Json) -> Iterator[tuple[Json, list[Json]]]:
    """Yield each group with its operations, each with its method and path."""
    found = [
        {"method": method.upper(), "path": path, **operation}
        for path, place in document["paths"].items()
        for method, operation in place.items()
    ]
    for tag in document["tags"]:
        yield tag, [each for each in found if tag["name"] in each["tags"]]


def _index(tag: Json, operations: Iterable[Json]) -> str:
    links = "".join(
        f'<li><a href="#{each["operationId"]}">{_method(each)}<span>{safe(each["summary"])}</span></a></li>'
        for each in operations
    )
    return f"<h3>{safe(tag['name'])}</h3><ul>{links}</ul>"


def _group(tag: Json, operations: Iterable[Json], document: Json) -> str:
    told = "\n".join(_operation(each, document) for each in operations)
    name = safe(tag["name"])
    return f'<section id="group-{name}"><h2>{name}</h2><p class="lead">{safe(tag["description"])}</p>{told}</section>'


def _operation(operation: Json, document: Json) -> str:
    own = '<span class="own" title="EvalHub does not have this">evallab</span>' if operation.get("x-evallab") else ""
    path = _path(operation["path"])
    says = f'<span class="says">{safe(operation["summary"])}</span>'
    head = f'{_method(operation)}<code class="path">{path}</code>{says}{own}'
    parts = "".join((_example(operation), _asked(operation), _body(operation, document), _answers(operation)))
    return (
        f'<details class="operation {operation["method"].lower()}"><summary>{head}</summary>'
        f'<div class="inside" id="{operation["operationId"]}">{parts}</div></details>'
    )


def _method(operation: Json) -> str:
    return f'<b class="method {operation["method"].lower()}">{operation["method"]}</b>'


def _path(path: str) -> str:
    """Return a path that can be broken after each slash, its parameters marked."""
    return re.sub(r"(\{\w+\})", r"<i>\1</i>", safe(path).replace("/", "/<wbr>"))


def _example(operation: Json) -> str:
    return f"<h4>Try it</h4><pre>{safe(curl(operation))}</pre>"


def _asked(operation: Json) -> str:
    parameters = [each for each in operation["parameters"] if "$ref" not in each]
    return f"<h4>Parameters</h4>{_parameters(parameters)}" if parameters else ""


def _parameters(parameters: Iterable[Json]) -> str:
    rows = "".join(
        f"<tr><th scope='row'><code>{safe(each['name'])}</code></th><td>{safe(each['in'])}</td>"
        f"<td>{kind(each['schema'])}</td><td>{prose(each.get('description', ''))}</td></tr>"
        for each in parameters
    )
    head = "<thead><tr><th>Name</th><th>In</th><th>Type</th><th>Meaning</th></tr></thead>"
    return f'<div class="scroll"><table>{head}<tbody>{rows}</tbody></table></div>'


def _body(operation: Json, document: Json) -> str:
    if "requestBody" not in operation:
        return ""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return f"<h4>Body: {kind(schema)}</h4>{fields_table(schema, document)}"


def _answers(operation: Json) -> str:
    rows = "".join(_answer(status, each) for status, each in operation["responses"].items() if "$ref" not in each)
    return f'<h4>Answers</h4><div class="scroll"><table><tbody>{rows}</tbody></table></div>'


def _answer(status: str, response: Json) -> str:
    held = "".join(f"{kind(each['schema'])} <small>{safe(media)}</small>" for media, each in _content(response))
    kind_of = "bad" if status >= "4" else "good"
    return (
        f'<tr><th scope="row"><b class="status {kind_of}">{status}</b></th>'
        f"<td>{prose(response['description'])}</td><td>{held}</td></tr>"
    )


def _content(response: Json) -> Iterable[tuple[str, Json]]:
    found: Mapping[str, Json] = response.get("content", {})
    return found.items()


def _shape(name: str, schema: Json, document: Json) -> str:
    text = f'<p class="lead">{prose(schema["description"])}</p>' if schema.get("description") else ""
    inside = fields_table(schema, document)
    return (
        f'<details class="shape"><summary><code>{safe(name)}</code></summary>'
        f'<div class="inside" id="schema-{safe(name)}">{text}{inside}</div></details>'
    )
