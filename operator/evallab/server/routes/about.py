"""What the server says about itself: is it alive, is it ready, which version is it, what can be asked of it."""

import asyncio
import platform
from functools import cache

import yaml
from starlette.requests import Request
from starlette.responses import Response

from evallab import __version__
from evallab.api.errors import StoreUnavailable
from evallab.local.checkout import own_commit
from evallab.server import openapi, page
from evallab.server.answers import answer, compact
from evallab.server.house import House
from evallab.server.operations import Operation
from evallab.server.views.moments import moment

PATIENCE_S = 2.0  #: how long Postgres may take to answer before the server is not ready
YAML, HTML = "application/yaml", "text/html; charset=utf-8"


async def health(_: Request, house: House) -> Response:
    """Say that it is alive, as EvalHub does: nothing else is in it, and some clients look for the text."""
    return answer({"status": "healthy", "timestamp": moment(house.now())})


async def livez(_: Request, __: House) -> Response:
    """Say that the process answers."""
    return answer({"status": "alive"})


async def readyz(_: Request, house: House) -> Response:
    """Say whether requests can be served."""
    reasons = await _reasons(house)
    body = {"status": "not ready" if reasons else "ready", "reasons": reasons, "problems": list(house.catalog.problems)}
    return answer(body, 503 if reasons else 200)


async def _reasons(house: House) -> list[str]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await house.store.activity()
    except TimeoutError:
        return [f"Postgres did not answer within {PATIENCE_S:g} seconds."]
    except StoreUnavailable as error:
        return [str(error)]
    return []


async def version(_: Request, __: House) -> Response:
    """Say what this server is."""
    commit = await asyncio.to_thread(own_commit)
    body = {"version": __version__, "compatible_with": openapi.COMPATIBLE, "commit": commit}
    return answer(body | {"python": platform.python_version()})


async def description(request: Request, _: House) -> Response:
    """Describe the API, as YAML, or as JSON for those who ask for it."""
    as_json = "application/json" in request.headers.get("accept", "")
    text, media = (_json(), "application/json") if as_json else (_yaml(), YAML)
    return Response(text, media_type=media, headers={"Vary": "Accept"})


async def docs(_: Request, __: House) -> Response:
    """Describe the API for people."""
    text = _page()
    return Response(text, headers={"Content-Type": HTML, **page.HEADERS, "Content-Security-Policy": page.policy()})


@cache
def described() -> openapi.Json:
    """Return the description of everything that can be served."""
    from evallab.server.routing import EVERY  # it imports this module

    return openapi.document(EVERY, __version__)


@cache
def _yaml() -> bytes:
    return as_yaml(described()).encode()


@cache
def _json() -> bytes:
    return compact(described())


@cache
def _page() -> bytes:
    return page.render(described()).encode()


def as_yaml(document: openapi.Json) -> str:
    """Return a description as the text of a file."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/health",
        handler=health,
        summary="Is it alive?",
        responses={200: "It is"},
    ),
    Operation(
        method="GET",
        path="/api/v1/version",
        handler=version,
        summary="Which version is it?",
        responses={200: "The versions"},
        ours=True,
    ),
    Operation(
        method="GET", path="/livez", handler=livez, summary="Does it answer?", responses={200: "It does"}, ours=True
    ),
    Operation(
        method="GET",
        path="/readyz",
        handler=readyz,
        summary="Can it serve requests, and if not, why?",
        responses={200: "It can", 503: "It cannot; the reasons are in the answer"},
        ours=True,
    ),
    Operation(
        method="GET",
        path="/openapi.yaml",
        handler=description,
        summary="This description",
        responses={200: "OpenAPI 3.1; JSON with `Accept: application/json`"},
        media=YAML,
    ),
    Operation(
        method="GET",
        path="/docs",
        handler=docs,
        summary="This description, for people",
        responses={200: "One page; it loads nothing"},
        media="text/html",
    ),
)
