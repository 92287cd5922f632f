"""The ASGI application: the table of operations behind one dispatcher, errors in one place.

EvalHub's rules of dispatch: exact paths without a trailing slash; a path that is nobody's is a plain 404; a path with
another method is a JSON 405. Called by `serving`; `boundary` is wrapped around it.
"""

import logging
import time
from collections.abc import Iterable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from evallab.api.errors import EvallabError, StoreUnavailable
from evallab.api.evalhub.errors import ApiError
from evallab.kubeapi.interface import KubernetesUnavailable
from evallab.server.answers import refusal
from evallab.server.house import House
from evallab.server.metrics import NOWHERE
from evallab.server.operations import Handler, Operation

log = logging.getLogger(__name__)
NOT_FOUND = "404 page not found\n"
AWAY = "Postgres cannot be reached; nothing was changed. Try again in a moment."


class _Place:
    """One path with its handlers by method."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.regex, _, self.convertors = compile_path(path)
        self.handlers: dict[str, Handler] = {}


class Dispatcher:
    """Finds the operation of a request, calls it, and turns what it raises into an answer."""

    def __init__(self, operations: Iterable[Operation], house: House) -> None:
        """Serve these operations."""
        self._house = house
        self._places: dict[str, _Place] = {}
        for each in operations:
            place = self._places.setdefault(each.path, _Place(each.path))
            place.handlers[each.method] = each.handler
        self._fixed: Mapping[str, _Place] = {path: place for path, place in self._places.items() if "{" not in path}
        self._others = [place for path, place in self._places.items() if "{" in path]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        place = self._find(request)
        began = time.perf_counter()
        route = place.path if place else NOWHERE
        with self._house.metrics.active(request.method, route):
            response = await self._answer(request, place)
        self._house.metrics.request(request.method, route, response.status_code, time.perf_counter() - began)
        await response(scope, receive, send)

    def _find(self, request: Request) -> _Place | None:
        path = request.scope["path"]
        if "\0" in path:  # no id holds it, and Postgres cannot be asked for one that does
            return None
        fixed = self._fixed.get(path)
        if fixed:
            return fixed
        for place in self._others:
            if match := place.regex.match(path):
                request.scope["path_params"] = match.groupdict()
                return place
        return None

    async def _answer(self, request: Request, place: _Place | None) -> Response:
        if place is None:
            return PlainTextResponse(NOT_FOUND, 404, headers={"X-Content-Type-Options": "nosniff"})
        try:
            return await self._handled(request, place)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # noqa: BLE001 - the last resort: a request that fails is answered
            return refusal(_refused(error, place.path), request.state.trace)

    async def _handled(self, request: Request, place: _Place) -> Response:
        handler = place.handlers.get(request.method)
        if handler is None:
            raise ApiError("method_not_allowed", method=request.method, path=request.scope["path"])
        return await handler(request, self._house)


def _refused(error: Exception, path: str) -> ApiError:
    """Return what an error means to a client; what nobody expected is in the log."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, StoreUnavailable):
        return ApiError("service_unavailable", reason=AWAY)
    if isinstance(error, KubernetesUnavailable):
        return ApiError("service_unavailable", reason=str(error))
    log.error("a request failed", exc_info=error, extra={"action": "answer", "path": path})
    reason = str(error) if isinstance(error, EvallabError) else "see the server's log"
    return ApiError("internal_server_error", reason=reason)


def application(operations: Iterable[Operation], house: House) -> ASGIApp:
    """Return the application around a house."""
    return Dispatcher(operations, house)
