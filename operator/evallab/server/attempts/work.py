"""What an attempt goes on from: the work that an earlier attempt of its benchmark left."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from evallab.api.evalhub.errors import ApiError
from evallab.server.answers import answer
from evallab.server.attempts.parts import Caller, Parts


async def listed(_request: Request, caller: Caller, parts: Parts) -> Response:
    """Return the names and sizes of the files to restore."""
    found = await parts.store.work_before(caller.attempt.id)
    files = [] if found is None else found[1]
    return answer({"files": [{"name": each.name, "bytes": each.bytes} for each in files]})


async def content(request: Request, caller: Caller, parts: Parts) -> Response:
    """Return one of them; its length is announced, so that what was cut off is noticed."""
    name = request.path_params["name"]
    earlier, files = await parts.store.work_before(caller.attempt.id) or ("", [])
    size = next((each.bytes for each in files if each.name == name), None)
    if size is None:
        raise ApiError("resource_not_found", kind="file", id=name[:100])
    pieces = _first(size, parts.store.read_leaving(earlier, "work", name))
    return StreamingResponse(pieces, headers={"Content-Length": str(size)}, media_type="application/octet-stream")


async def _first(size: int, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield that many bytes, whatever came since."""
    async for piece in pieces:
        yield piece[:size]
        size -= len(piece)
        if size <= 0:
            return
