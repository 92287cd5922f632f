"""What an attempt leaves: its files piece by piece, and the seal that says that this was all."""

from typing import Annotated

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from evallab.api.evalhub.errors import ApiError
from evallab.api.patterns import SHA256
from evallab.receiver.body import MAX_BODY
from evallab.server.answers import answer, no_content
from evallab.server.attempts.names import AREAS, checked
from evallab.server.attempts.parts import Caller, Parts
from evallab.server.body import raw_body

PIECE = 1 << 20  #: bytes that one piece may have
_FURTHEST = 1 << 53


class _File(BaseModel):
    area: str
    name: str
    bytes: Annotated[int, Field(ge=0, lt=_FURTHEST)]
    sha256: Annotated[str, Field(pattern=SHA256)]


class _Seal(BaseModel):
    files: list[_File]
    events: Annotated[int, Field(ge=0, lt=_FURTHEST)] = 0


async def put(request: Request, caller: Caller, parts: Parts) -> Response:
    """Keep a piece of a file; of an attempt that was sealed, or whose job was deleted, nothing is wanted any more."""
    area, name = request.path_params["area"], checked(request.path_params["name"])
    if area not in AREAS:
        raise ApiError("resource_not_found", kind="area", id=area)
    start = _start(request)
    content = await raw_body(request, PIECE)
    limit = parts.leavings_limit
    if await parts.store.put_leaving(caller.attempt.id, area, name, start, content, limit=limit) == "full":
        raise ApiError("leavings_too_large", limit=limit)
    return no_content()


async def seal(request: Request, caller: Caller, parts: Parts) -> Response:
    """Note that this was all, or say what is missing of it."""
    raw = await raw_body(request, MAX_BODY)
    try:
        body = _Seal.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(each) for each in first["loc"])
        raise ApiError("request_validation_failed", detail=f"{place}: {first['msg']}") from None
    for each in body.files:
        checked(each.name)
        if each.area not in AREAS:
            raise ApiError("resource_not_found", kind="area", id=each.area)
    missing = await parts.store.seal(caller.attempt.id, body.model_dump(mode="json"), now=parts.now())
    if missing:
        return answer({"missing": [list(each) for each in missing]}, 409)
    parts.stored(caller.job.id)
    return no_content()


def _start(request: Request) -> int:
    said = request.query_params.get("start")
    if said is None:
        raise ApiError("query_parameter_required", name="start")
    if not (said.isascii() and said.isdecimal() and len(said) <= 16 and int(said) < _FURTHEST):
        raise ApiError("query_parameter_invalid", name="start", type="number of bytes", value=said[:100])
    return int(said)
