"""What every request passes before a handler sees it: transaction id, Host, Origin, media type, and EvalHub's CORS.

Plain ASGI around the application; `serving` wraps it. It refuses what a web page in somebody's browser could do to a
server on their machine (docs/explanation/threat-model.md). Bodies are read by `body`, the wire is guarded by
`boundary_http`.
"""

import uuid
from collections.abc import Callable, Mapping

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evallab.api.evalhub.errors import ApiError
from evallab.server.answers import refusal
from evallab.server.boundary_rules import Rules, answers_host, answers_origin, crosses_sites

TRACE = b"x-global-transaction-id"
MAX_TRACE = 128
Headers = list[tuple[bytes, bytes]]
_CORS: Headers = [
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"Content-Type, Authorization, X-Global-Transaction-Id, X-Tenant, X-User, Idempotency-Key, Last-Event-ID",
    ),
    (b"access-control-max-age", b"3600"),
    (b"vary", b"Origin"),
]
_EXPOSED = (b"access-control-expose-headers", b"X-Global-Transaction-Id, X-Log-Truncated, Location, Retry-After")
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Boundary:
    """The application behind its boundary."""

    def __init__(self, app: ASGIApp, known: Rules, *, new_id: Callable[[], str] = lambda: str(uuid.uuid4())) -> None:
        """Guard an application; `new_id` makes transaction ids."""
        self._app, self._known, self._new_id = app, known, new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or refuse it."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        headers = _joined(scope["headers"])
        trace = _trace(headers.get(TRACE, b"")) or self._new_id()
        scope.setdefault("state", {}).update(trace=trace, body_seconds=self._known.body_seconds)
        try:
            self._check(scope, headers)
        except ApiError as error:
            closing = _with_more(send, [(TRACE, trace.encode()), (b"connection", b"close"), (b"vary", b"Origin")])
            await refusal(error, trace)(scope, receive, closing)
            return
        wrapped = _with_more(send, [(TRACE, trace.encode()), *_cors(headers.get(b"origin"))])
        if scope["method"] == "OPTIONS":
            await Response(status_code=204)(scope, receive, wrapped)
            return
        await self._app(scope, receive, wrapped)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand start and stop on; there are no web sockets."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Raise ApiError for a request that may come from another site."""
        host = _text(headers.get(b"host", b""))
        if not answers_host(self._known, host):
            raise ApiError("host_not_allowed", host=_shown(host))
        if (said := headers.get(b"origin")) is None:
            if crosses_sites(_text(headers.get(b"sec-fetch-site", b"")), scope["method"]):
                raise ApiError("origin_not_allowed", origin="of another site")
            return
        origin = _text(said)
        if not answers_origin(self._known, origin, host=host, scheme=scope.get("scheme", "http")):
            raise ApiError("origin_not_allowed", origin=_shown(origin))
        media = _text(headers.get(b"content-type", b"")).partition(";")[0].strip().lower()
        if scope["method"] in _WITH_BODY and _has_body(headers) and not _is_json(media):
            raise ApiError("unsupported_media_type", type=_shown(media))


def _joined(headers: Headers) -> dict[bytes, bytes]:
    """Return the headers by name; of one that was sent twice all values, so that two Hosts are no host."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = found[name] + b", " + value if name in found else value
    return found


def _trace(sent: bytes) -> str:
    """Return the transaction id that the client sent, if it may stand in a header and a log."""
    text = _text(sent)
    return text if len(text) <= MAX_TRACE and text.isascii() and text.isprintable() and text.strip() else ""


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _shown(text: str) -> str:
    """Return what may stand in an answer of what the client sent."""
    return "".join(each if each.isprintable() else "?" for each in text[:200])


def _has_body(headers: Mapping[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b" 0") != b""


def _is_json(media: str) -> bool:
    return media == "application/json" or (media.startswith("application/") and media.endswith("+json"))


def _cors(origin: bytes | None) -> Headers:
    """Return EvalHub's CORS headers; an origin that was sent, and let in, is named back."""
    allowed = [(b"access-control-allow-origin", origin or b"*"), *_CORS]
    return [*allowed, _EXPOSED] if origin else allowed


def _with_more(send: Send, more: Headers) -> Send:
    """Add headers to the response, unless it has them."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            given: Headers = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            wanted = [*more, _NOSNIFF] if message["status"] >= 400 else more
            message = {**message, "headers": [*given, *(each for each in wanted if each[0] not in names)]}
        await send(message)

    return wrapped
