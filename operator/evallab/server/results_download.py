"""One kept file as a download: decompressed piece by piece, never shown by a browser. Called by `routes.results`."""

import asyncio
import re
from contextlib import ExitStack
from typing import BinaryIO
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import ArtifactRow

PIECE = 1 << 18
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-cache",
}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class Download(Response):
    """Sends the content of an artifact."""

    def __init__(self, files: ArtifactFiles, artifact: ArtifactRow) -> None:
        """Open the file, so that one that is gone is an answer of its own. Raises NotFound."""
        super().__init__(headers=_HEADERS | headers(artifact), media_type="application/octet-stream")
        del self.headers["content-length"]
        self._closing = ExitStack()
        self._content: BinaryIO = self._closing.enter_context(files.opened(artifact))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; a client that went away ends it."""
        del scope
        leaving = asyncio.create_task(gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while not leaving.done() and (piece := await asyncio.to_thread(self._content.read, PIECE)):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leaving.cancel()
            self._closing.close()


async def gone(receive: Receive) -> None:
    """Return when the client went away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def headers(artifact: ArtifactRow) -> dict[str, str]:
    """Return how a file is named and what it is: whatever its name holds, it is one file name and no header more."""
    name = artifact.name.replace("\\", "/").rpartition("/")[2].strip(". ") or "artifact"
    plain = _UNSAFE.sub("_", name)
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}",
        "ETag": etag(artifact),
    }


def etag(artifact: ArtifactRow) -> str:
    """Return what tells one content from another."""
    return f'"{artifact.sha256}"'
