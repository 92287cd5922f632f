"""One file behind a URL (`testDataRef.http`). Its revision is its hash: a URL knows no other."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from evallab.datasets.interface import Work
from evallab.datasets.manifest import inside
from evallab.datasets.sources import Source
from evallab.datasets.transfer import Refusal, Transfer, failure


class Web:
    """One file."""

    def __init__(self, source: Source, work: Work, client: httpx.Client) -> None:
        """Take the URL."""
        self._source, self._work, self._client = source, work, client

    def resolve(self) -> str | None:
        """A URL knows no commits."""
        return None

    def download(self, revision: str | None, into: Path) -> dict[str, Any]:  # noqa: ARG002 - there is only one
        """Fetch it under the last part of its path."""
        detail: dict[str, Any] = {}

        def seen(reply: httpx.Response) -> None:
            length = int(reply.headers.get("content-length") or 0)
            self._work.snapshots.require(length)
            self._work.watch.begin(f"fetching {self._source.shown}", length or None)
            detail.update({name: reply.headers[name] for name in ("etag", "last-modified") if name in reply.headers})

        self._work.watch.begin(f"fetching {self._source.shown}")
        try:
            target = inside(into, _name(self._source.location))
            Transfer(self._client, self._work.watch).download(self._source.location, target, seen=seen)
        except Refusal as refusal:
            raise failure(refusal, "The file") from None
        return detail


def _name(url: str) -> str:
    name = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    return "data" if name in {"", ".", ".."} else name.replace("\\", "_").replace("\0", "_")
