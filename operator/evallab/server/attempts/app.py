"""The ASGI application for everything under `/a/<attempt>/`: only who shows that attempt's token gets in.

Postgres is the durability: what was answered with 2xx is in it, and while it is away the answer is 503 and the sidecar,
which has it on its disk, comes again. The server in a cluster mounts `app(parts)` beside its own routes, behind the
same boundary but without asking who the user is.
"""

import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from evallab.api.errors import EvallabError, NotFound, StoreUnavailable
from evallab.api.evalhub.errors import ApiError
from evallab.kubeapi.interface import KubernetesUnavailable
from evallab.server.answers import refusal
from evallab.server.attempts import data, events, leavings, work
from evallab.server.attempts.parts import Caller, Parts

log = logging.getLogger(__name__)
Handler = Callable[[Request, Caller, Parts], Awaitable[Response]]
PREFIX = "/a/"
AGAIN_S = 5  #: when who finds something away is to come again
BODY_S = 60.0  #: how long a body may take, unless the boundary said so
_AWAY = "Postgres cannot be reached; nothing was changed. Try again in a moment."


@dataclass(frozen=True)
class _Place:
    path: "re.Pattern[str]"
    method: str
    handler: Handler


def _place(method: str, path: str, handler: Handler) -> _Place:
    return _Place(re.compile(r"/a/(?P<attempt>[^/]+)/" + path, re.DOTALL), method, handler)


_PLACES = (
    _place("POST", r"api/v1/evaluations/jobs/(?P<job>[^/]+)/events", events.take),
    _place("PUT", r"leavings/(?P<area>[^/]+)/(?P<name>.+)", leavings.put),
    _place("POST", r"seal", leavings.seal),
    _place("GET", r"work", work.listed),
    _place("GET", r"work/(?P<name>.+)", work.content),
    _place("GET", r"data", data.given),
)


def app(parts: Parts) -> ASGIApp:
    """Return the application around these parts."""
    return AttemptDoor(parts)


class AttemptDoor:
    """Answers requests of attempts."""

    def __init__(self, parts: Parts) -> None:
        """Answer through these parts."""
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        state = scope.setdefault("state", {})
        state.setdefault("trace", str(uuid.uuid4()))
        state["body_seconds"] = BODY_S
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._handled(request)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # noqa: BLE001 - the last resort: whoever asks is to hear that it was not taken
            return _refused(_meant(error, request), request.state.trace)

    async def _handled(self, request: Request) -> Response:
        path = request.scope["path"]
        found = [(place, match) for place in _PLACES if (match := place.path.fullmatch(path))]
        if not found or "\0" in path:
            return PlainTextResponse("404 page not found\n", 404, headers={"X-Content-Type-Options": "nosniff"})
        place, match = found[0]
        if request.method != place.method:
            raise ApiError("method_not_allowed", method=request.method, path=path)
        request.scope["path_params"] = match.groupdict()
        return await place.handler(request, await self._caller(request, match["attempt"]), self._parts)

    async def _caller(self, request: Request, attempt_id: str) -> Caller:
        """Return whose attempt this is. Whoever may not speak for it does not learn whether there is one.

        Its own sidecar learns when it is gone (its row was there before its pod), so that it does not ask for ever.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        shown = token.strip()
        if scheme.lower() != "bearer" or not shown:
            raise ApiError("invalid_callback_token")
        found = await self._parts.store.attempt(attempt_id)
        if found is None and await self._parts.bearers.made_for(attempt_id, shown):
            raise ApiError("attempt_gone", id=attempt_id)
        if found is None or found[0].runtime != "kubernetes" or found[0].tenant is None:
            raise ApiError("invalid_callback_token")
        if not await self._parts.bearers.admits(attempt_id, shown, found[0].tenant):
            raise ApiError("invalid_callback_token")
        return Caller(job=found[0], attempt=found[1])


def _meant(error: Exception, request: Request) -> ApiError:
    """Return what an error means to a sidecar; what nobody expected is in the log."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, StoreUnavailable):
        return ApiError("service_unavailable", reason=_AWAY)
    if isinstance(error, KubernetesUnavailable):
        return ApiError("service_unavailable", reason=str(error))
    if isinstance(error, NotFound):
        return ApiError("resource_not_found", kind="attempt", id=request.path_params.get("attempt", ""))
    log.error("a request of an attempt failed", exc_info=error, extra={"action": "answer_attempt"})
    reason = str(error) if isinstance(error, EvallabError) else "see the server's log"
    return ApiError("internal_server_error", reason=reason)


def _refused(error: ApiError, trace: str) -> Response:
    response = refusal(error, trace)
    if error.status == 503:
        response.headers["Retry-After"] = str(AGAIN_S)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
