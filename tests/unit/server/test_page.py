"""The page about the API: one file that loads nothing, in which nothing but its own style can act."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from evallab.server import page
from evallab.server.openapi import document
from evallab.server.page_curl import curl
from evallab.server.page_schema import kind
from evallab.server.routes import about, jobs, stream

TABLE = (*about.OPERATIONS, *jobs.OPERATIONS, *stream.OPERATIONS)


class Seen(HTMLParser):
    """What a browser would act on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links |= {value for name, value in attrs if name in {"href", "src"} and value}
        if tag not in {"meta", "wbr"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def text() -> str:
    return page.render(document(TABLE, "1.2.3"))


def test_the_page_loads_nothing_and_runs_no_script(text: str) -> None:
    seen = Seen(text)
    assert seen.tags & {"script", "img", "iframe", "link", "object", "form", "svg"} == set()
    assert {each for each in seen.attributes if each.startswith("on") or each == "style"} == set()
    assert {each for each in seen.links if not each.startswith("#")} == {"openapi.yaml"}


def test_every_element_is_closed_and_every_link_leads_somewhere(text: str) -> None:
    seen = Seen(text)
    assert seen.open == []
    assert {each[1:] for each in seen.links if each.startswith("#")} - set(seen.ids) == set()
    assert len(seen.ids) == len(set(seen.ids))


def test_the_policy_allows_this_style_and_nothing_else(text: str) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert page.policy().split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]


def test_every_operation_has_its_place(text: str) -> None:
    ids = set(Seen(text).ids)
    described = document(TABLE, "1.2.3")
    assert {each["operationId"] for place in described["paths"].values() for each in place.values()} <= ids


def test_what_is_described_cannot_become_markup() -> None:
    described = document(TABLE, "<script>alert(1)</script>")
    described["paths"]["/livez"]["get"]["summary"] = '"><img src=x onerror=alert(1)>'
    assert Seen(page.render(described)).tags & {"script", "img"} == set()


def test_examples_can_be_pasted() -> None:
    paths = document(TABLE, "1")["paths"]

    def example(method: str, path: str) -> str:
        return curl({"method": method, "path": path, **paths[path][method.lower()]})

    one = "/api/v1/evaluations/jobs/{job_id}"
    assert example("GET", "/api/v1/evaluations/jobs") == 'curl -s "$EVALLAB_URL/api/v1/evaluations/jobs?limit=5"'
    assert example("DELETE", one) == 'curl -s -X DELETE "$EVALLAB_URL/api/v1/evaluations/jobs/$JOB"'
    assert example("GET", f"{one}/stream") == 'curl -N "$EVALLAB_URL/api/v1/evaluations/jobs/$JOB/stream"'
    posted = example("POST", "/api/v1/evaluations/jobs")
    assert posted.startswith(
        "curl -s \"$EVALLAB_URL/api/v1/evaluations/jobs\" \\\n  -H 'Content-Type: application/json'"
    )


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "string"}, "text"),
        ({"type": ["number", "null"]}, "number"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Job"}}, 'list of <a href="#schema-Job">Job</a>'),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "whole number"),
        ({"enum": ["a<b", 1]}, "<code>a&lt;b</code> <code>1</code>"),
        ({"type": "string", "format": "date-time"}, "time"),
        ({}, "anything"),
    ],
)
def test_types_are_told_in_words(schema: dict[str, object], told: str) -> None:
    assert kind(schema) == told
