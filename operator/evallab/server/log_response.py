"""The response that carries a log: chunks, and at their end a trailer that says whether something is missing.

Made by `routes.logs`. Where the connection knows no trailers (see `trailers`) none is announced. It ends at once when
the client goes away, not at the next line.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from evallab.server.trailers import EXTENSION

Pieces = AsyncGenerator[bytes]
TRUNCATED = "X-Log-Truncated"
UNTIMED = {"X-Log-Times": "unavailable"}  #: a log has no index: its lines' times are not known, all of it is sent


@dataclass
class Truncation:
    """Whether a response lacks something at its end."""

    cut: bool = False

    async def bounded(self, pieces: Pieces, *, max_bytes: int, seconds: float) -> Pieces:
        """Yield pieces, up to so many bytes and for so long."""
        clock, left = asyncio.get_running_loop().time, max_bytes
        end = clock() + seconds
        async with aclosing(pieces):
            async for piece in pieces:
                self.cut = len(piece) > left or clock() >= end
                yield piece[:left]
                left -= len(piece)
                if self.cut:
                    return


class LogResponse(Response):
    """Text that comes in pieces."""

    media_type = "text/plain"

    def __init__(self, pieces: Pieces, truncation: Truncation, *, timed: bool) -> None:
        """Send these pieces; `truncation` says in the end whether that was all, `timed` whether times are known."""
        super().__init__(headers=None if timed else UNTIMED, media_type=self.media_type)
        del self.headers["content-length"]
        self._pieces, self._truncation = pieces, truncation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything, or as much as the client stays for."""
        trailers = EXTENSION in scope.get("extensions", {}) and scope["method"] != "HEAD"
        tasks = {asyncio.create_task(self._send(send, trailers=trailers)), asyncio.create_task(_gone(receive))}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for each in done:
            each.result()

    async def _send(self, send: Send, *, trailers: bool) -> None:
        if trailers:
            self.headers["Trailer"] = TRUNCATED
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send({**start, "trailers": trailers})
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        if trailers:
            said = b"true" if self._truncation.cut else b"false"
            await send({"type": EXTENSION, "headers": [(TRUNCATED.encode(), said)], "more_trailers": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
