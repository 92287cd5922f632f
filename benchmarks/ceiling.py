"""What bare sockets reach in front of the mock server: nothing is encoded, nothing is parsed. For `bench_client`."""

import asyncio
import json
import time
from typing import cast
from urllib.parse import urlsplit

_BODY = json.dumps({"model": "mock", "prompt": "x" * 3000}).encode()
_REQUEST = b"POST /v1/completions HTTP/1.1\r\nHost: mock\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)


class _Asking(asyncio.Protocol):
    """Sends the next request as soon as anything came back."""

    transport: asyncio.Transport

    def __init__(self, left: list[None], open_: set["_Asking"], done: asyncio.Event) -> None:
        self._left, self._open, self._done = left, open_, done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._open.add(self)
        self._next()

    def data_received(self, data: bytes) -> None:
        del data
        self._next()

    def _next(self) -> None:
        if self._left:
            self._left.pop()
            self.transport.write(_REQUEST)
            return
        self._open.discard(self)
        self.transport.close()
        if not self._open:
            self._done.set()


def ceiling(url: str, at_once: int, many: int) -> float:
    """Return the requests per second of bare sockets."""
    return asyncio.run(_ceiling(urlsplit(url).port or 0, at_once, many))


async def _ceiling(port: int, at_once: int, many: int) -> float:
    left: list[None] = [None] * many
    connected, done = set["_Asking"](), asyncio.Event()
    began = time.perf_counter()
    for _ in range(at_once):
        await asyncio.get_running_loop().create_connection(lambda: _Asking(left, connected, done), "127.0.0.1", port)
    await done.wait()
    return many / (time.perf_counter() - began)
