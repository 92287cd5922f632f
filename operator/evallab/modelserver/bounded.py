"""Replies of servers that are not ours, no longer than we can hold: whoever runs a model server could send for ever.

Used where one process asks the servers of many: the operator, for counters, canaries and pages about GPUs.
"""

from collections.abc import AsyncIterator
from typing import cast

import httpx


class _Measured(httpx.AsyncByteStream):
    """A body that ends with an error when it is too long."""

    def __init__(self, stream: httpx.AsyncByteStream, most: int) -> None:
        self._stream, self._left = stream, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise httpx.ReadError("the reply is too long")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class Bounded(httpx.AsyncBaseTransport):
    """Asks without TLS and proxies, which servers of jobs have not: reading certificates takes longer than all else."""

    def __init__(self, *, most: int, retries: int = 0) -> None:
        """Take replies of at most so many bytes; `retries` are of connections that are refused, with growing pauses."""
        self._inner = httpx.AsyncHTTPTransport(verify=False, retries=retries, trust_env=False)
        self._most = most

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask; what is compressed is refused, for a short reply could then become a long one."""
        request.headers["Accept-Encoding"] = "identity"
        reply = await self._inner.handle_async_request(request)
        if reply.headers.get("Content-Encoding", "identity") != "identity":
            await reply.aclose()
            raise httpx.DecodingError("the reply is compressed, which was not asked for")
        reply.stream = _Measured(cast("httpx.AsyncByteStream", reply.stream), self._most)
        return reply

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()
