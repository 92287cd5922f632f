"""JSON schemas as tables of fields, with types in words and links from one to the next. Pure; called by `page`."""

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

Json = Mapping[str, Any]
_CODE = re.compile(r"`([^`]+)`")
_REF = "#/components/schemas/"
_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "array": "list",
    "null": "null",
}
_LIMITS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "maxItems": "at most {}",
    "maxLength": "at most {} characters",
}
_HUGE = 2**31  #: a limit beyond it is that of the number's size in memory


def kind(schema: Json) -> str:
    """Say what a value is, as HTML."""
    if "$ref" in schema:
        name = escape(schema["$ref"].removeprefix(_REF))
        return f'<a href="#schema-{name}">{name}</a>'
    for several in ("anyOf", "oneOf"):
        if several in schema:
            told = [kind(each) for each in schema[several] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(told))
    if "enum" in schema:
        return " ".join(f"<code>{_value(each)}</code>" for each in schema["enum"] if each != "")
    if "const" in schema:
        return f"<code>{_value(schema['const'])}</code>"
    return _typed(schema)


def fields_table(schema: Json, document: Json) -> str:
    """Draw the fields of an object as a table; "" for what has none."""
    found = _resolved(schema, document)
    needed = frozenset(found.get("required", ()))
    fields = _fields(found, document)
    if not fields:
        return ""
    rows = "".join(_row(name, each, document, needed=name in needed) for name, each in fields.items())
    head = "<thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead>"
    return f'<div class="scroll"><table>{head}<tbody>{rows}</tbody></table></div>'


def _resolved(schema: Json, document: Json) -> Json:
    if "$ref" not in schema:
        return schema
    found: Json = document["components"]["schemas"][schema["$ref"].removeprefix(_REF)]
    return found


def _fields(schema: Json, document: Json) -> dict[str, Json]:
    """Return the fields of an object, or of all the objects that it is at once."""
    found: dict[str, Json] = dict(schema.get("properties", {}))
    for each in schema.get("allOf", ()):
        found |= _fields(_resolved(each, document), document)
    return found


def _row(name: str, schema: Json, document: Json, *, needed: bool) -> str:
    mark = ' <b class="needed" title="required">required</b>' if needed else ""
    return (
        f'<tr><th scope="row"><code>{escape(name)}</code>{mark}</th>'
        f"<td>{kind(schema)}{_limits(schema)}</td><td>{_meaning(schema, document)}</td></tr>"
    )


def _typed(schema: Json) -> str:
    types = schema.get("type", "anything")
    names = [types] if isinstance(types, str) else [each for each in types if each != "null"]
    words = " or ".join(_WORDS.get(each, each) for each in names)
    if "array" in names and schema.get("items"):
        return f"{words} of {kind(schema['items'])}"
    return "time" if schema.get("format") == "date-time" else words


def _limits(schema: Json) -> str:
    told = [text.format(schema[key]) for key, text in _LIMITS.items() if abs(schema.get(key, _HUGE)) < _HUGE]
    return f" <small>{escape(', '.join(told))}</small>" if told else ""


def _meaning(schema: Json, document: Json) -> str:
    """Say what a field means; one that says nothing itself, what its shape is."""
    shape = next((each for each in (schema, *schema.get("anyOf", ())) if "$ref" in each), None)
    said = schema.get("description") or (_resolved(shape, document).get("description", "") if shape else "")
    text = _CODE.sub(r"<code>\1</code>", escape(said))
    default = schema.get("default")
    shown = "" if default in (None, [], {}, "") else f" <small>default <code>{_value(default)}</code></small>"
    return text + shown


def _value(value: Any) -> str:
    return escape(value if isinstance(value, str) else json.dumps(value))
