"""Bodies of requests, read with bounds: how large one may be, how long it may take, how many large ones at once.

Used by `receiver.app`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from evallab.api.evalhub.errors import ApiError

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
MAX_BODY = 10 * 1024 * 1024
SMALL = 64 * 1024  #: what the server holds of every connection anyway
REST_S = 5.0  #: how long the rest of a refused body is listened to, so that its sender hears the answer


class Incoming:
    """The body of one request, part by part."""

    def __init__(self, receive: Receive) -> None:
        """Take what the HTTP server gives for the request."""
        self._receive, self._ended = receive, False

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield what has not been read yet. Raises ApiError when the sender leaves."""
        while not self._ended:
            message = await self._receive()
            self._ended = not message.get("more_body", False)
            if message["type"] == "http.disconnect":
                raise ApiError("invalid_json_request", detail="the connection ended before the body")
            yield message.get("body", b"")


class Bodies:
    """Reads bodies."""

    def __init__(self, *, limit: int = MAX_BODY, large: int = 8, patience_s: float = 30.0) -> None:
        """Take bodies of at most `limit` bytes, `large` of more than 64 KiB at once, each within `patience_s`."""
        self._limit, self._patience_s = limit, patience_s
        self._large = asyncio.Semaphore(large)

    @asynccontextmanager
    async def read(self, incoming: Incoming, headers: Mapping[bytes, bytes]) -> AsyncIterator[bytes]:
        """Yield a whole body; its memory is accounted for until the block ends. Raises ApiError."""
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._limit:
            raise self._too_large()
        async with AsyncExitStack() as place:
            try:
                async with asyncio.timeout(self._patience_s):
                    raw = await self._whole(incoming, place)
            except TimeoutError as error:
                raise ApiError("request_timeout", seconds=f"{self._patience_s:g}") from error
            yield raw

    async def discard(self, incoming: Incoming) -> None:
        """Read what is left of a refused body, within bounds: who still sends would not see the answer."""
        left = 2 * self._limit
        with suppress(TimeoutError, ApiError):
            async with asyncio.timeout(min(REST_S, self._patience_s)):
                async for part in incoming.parts():
                    left -= len(part)
                    if left < 0:
                        return

    async def _whole(self, incoming: Incoming, place: AsyncExitStack) -> bytes:
        parts, size = list[bytes](), 0
        async for part in incoming.parts():
            if size <= SMALL < size + len(part):
                await place.enter_async_context(self._large)
            size += len(part)
            if size > self._limit:
                raise self._too_large()
            parts.append(part)
        return b"".join(parts)

    def _too_large(self) -> ApiError:
        return ApiError("request_body_too_large", limit=self._limit)
