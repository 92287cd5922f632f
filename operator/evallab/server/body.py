"""Reads the body of a request without trusting it: bounded in size and time. Handlers call `raw_body`.

What is refused is not read to its end; the connection is closed after the answer (`answers.refusal`).
"""

import asyncio

from starlette.requests import Request

from evallab.api.evalhub.errors import ApiError


async def raw_body(request: Request, limit: int | None) -> bytes:
    """Return the whole body. Raises ApiError (413, 408) and starlette's ClientDisconnect.

    At most `limit` bytes, in the time that `boundary` gave the request; None is no limit.
    """
    seconds: float | None = request.state.body_seconds
    _refuse_announced(request, limit)
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, limit)
    except TimeoutError:
        raise ApiError("request_timeout", seconds=f"{seconds:g}") from None


def _refuse_announced(request: Request, limit: int | None) -> None:
    """Refuse before reading what the client itself says is too large."""
    announced = request.headers.get("content-length", "")
    if limit is not None and announced.isdecimal() and (len(announced) > 18 or int(announced) > limit):
        raise ApiError("request_body_too_large", limit=limit)


async def _read(request: Request, limit: int | None) -> bytes:
    parts = bytearray()
    async for part in request.stream():
        if limit is not None and len(parts) + len(part) > limit:
            raise ApiError("request_body_too_large", limit=limit)
        parts += part
    return bytes(parts)
