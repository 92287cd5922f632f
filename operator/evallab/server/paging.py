"""Pages as EvalHub's lists have them: `first` and `next` are relative, and following `next` ends.

`next` carries a cursor beside its offset (`after`), so that the last page costs what the first one does.
"""

import base64
import binascii
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from evallab.api.evalhub.errors import ApiError
from evallab.server import context
from evallab.server.answers import compact
from evallab.store.interface import Cursor

AFTER = "after"
Pairs = list[tuple[str, str]]


class Paged(Protocol):
    """What a list route was asked for; a limit of 0 means all."""

    @property
    def limit(self) -> int:
        """Entries of a page."""

    @property
    def offset(self) -> int:
        """Entries left out."""


def cursor(request: Request) -> tuple[Cursor | None, Pairs]:
    """Return where the page begins, and the other query parameters. Raises ApiError for a cursor that is none."""
    pairs = _pairs(request)
    said = [value for name, value in pairs if name == AFTER]
    return (_decoded(said[-1]) if said else None), [pair for pair in pairs if pair[0] != AFTER]


def page(
    request: Request, query: Paged, items: list[dict[str, Any]], *, total: int, after: Cursor | None = None
) -> dict[str, Any]:
    """Return the envelope of a page."""
    return _envelope(request, query, len(items), total=total, after=after) | {"items": items}


def joined(request: Request, query: Paged, items: list[bytes], *, total: int, after: Cursor | None = None) -> bytes:
    """Return the envelope of a page whose items are JSON text already."""
    head = compact(_envelope(request, query, len(items), total=total, after=after))
    return head[:-1] + b',"items":[' + b",".join(items) + b"]}"


def _envelope(request: Request, query: Paged, count: int, *, total: int, after: Cursor | None) -> dict[str, Any]:
    body: dict[str, Any] = {"first": {"href": _first(request)}}
    end = query.offset + count
    if query.limit and end < total and count:
        body["next"] = {"href": _next(request, query.limit, end, after)}
    return body | {"limit": query.limit, "total_count": total}


def _pairs(request: Request) -> Pairs:
    return parse_qsl(request.url.query, keep_blank_values=True)


def _first(request: Request) -> str:
    """Return the address as it was sent, from its beginning."""
    pairs = _pairs(request)
    if not any(name in {AFTER, "offset"} for name, _ in pairs):
        return context.address(request)
    return _href(request, [pair for pair in pairs if pair[0] not in {AFTER, "offset"}])


def _next(request: Request, limit: int, offset: int, after: Cursor | None) -> str:
    kept = [pair for pair in _pairs(request) if pair[0] not in {"limit", "offset", AFTER}]
    where = [("limit", str(limit)), ("offset", str(offset))] + ([(AFTER, _encoded(after))] if after else [])
    return _href(request, kept + where)


def _href(request: Request, pairs: Pairs) -> str:
    return request.url.path + (f"?{urlencode(pairs)}" if pairs else "")


def _encoded(place: Cursor) -> str:
    return base64.urlsafe_b64encode(f"{place.created_at.isoformat()}|{place.id}".encode()).decode().rstrip("=")


def _decoded(text: str) -> Cursor:
    try:
        time, _, job_id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition("|")
        place = Cursor(created_at=datetime.fromisoformat(time), id=job_id)
    except (ValueError, binascii.Error) as error:
        raise ApiError("query_parameter_invalid", name=AFTER, type="cursor", value=text[:80]) from error
    if place.created_at.tzinfo is None or "\0" in place.id:
        raise ApiError("query_parameter_invalid", name=AFTER, type="cursor", value=text[:80])
    return place
