"""Kept files in Postgres, for processes that share no disk: `artifacts.Remote`, used where a cluster has replicas.

Synchronous, because the methods of `ArtifactFiles` run in threads; a connection is opened for each file, which is rare
beside what is done with it, and spares asking whether an old one still stands.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row

from evallab.store import failures
from evallab.store.queries import QUERIES
from evallab.store.transactions import KEEPALIVE

PART = 1 << 20
_AT_ONCE = 8  #: parts in memory when a file is fetched
PATIENCE_S = 30.0  #: so long a Postgres that went away is waited for
_PAUSE_S = 0.5
T = TypeVar("T")
_Connection = psycopg.Connection[dict[str, Any]]


def remote(url: str | None) -> "Blobs | None":
    """Return where files are shared: in a database that others reach too, never in the embedded one."""
    return Blobs(url) if url else None


class Blobs:
    """Files by path, in parts."""

    def __init__(self, url: str, *, patience_s: float = PATIENCE_S) -> None:
        """Take the URL of the database, and how long to wait for it when it is away."""
        self._url, self._patience_s = url, patience_s

    def put(self, path: str, file: Path) -> None:
        """Keep a file, whole or not at all; one that is there stays. Raises StoreUnavailable."""

        def work(connection: _Connection) -> None:
            connection.execute(QUERIES["share_blobs"])
            if connection.execute(QUERIES["renew_blob"], {"path": path}).fetchone() is not None:
                return
            for number, part in enumerate(_read(file)):
                connection.execute(QUERIES["put_blob"], {"path": path, "part": number, "content": part})

        self._run(work)

    def parts(self, path: str) -> Iterator[bytes]:
        """Yield a file part by part; nothing when it is not there. Raises StoreUnavailable."""
        number = 0
        while parts := self._parts(path, number):
            yield from parts
            number += len(parts)

    def _parts(self, path: str, first: int) -> list[bytes]:
        """Return some parts of a file, from that one on."""
        asked = {"path": path, "first": first, "most": _AT_ONCE}

        def work(connection: _Connection) -> list[bytes]:
            return [bytes(each["content"]) for each in connection.execute(QUERIES["fetch_blob"], asked)]

        return self._run(work)

    def _run(self, work: Callable[[_Connection], T]) -> T:
        """Run `work` in a transaction of its own connection, again while Postgres is away."""
        started = time.monotonic()
        while True:
            try:
                with psycopg.connect(
                    self._url,
                    row_factory=dict_row,
                    prepare_threshold=None,
                    connect_timeout=10,
                    application_name="evallab",
                    **KEEPALIVE,
                ) as connection:
                    return work(connection)
            except psycopg.Error as error:
                if not failures.is_passing(error):
                    raise failures.translated(error) from error
                if time.monotonic() - started + _PAUSE_S > self._patience_s:
                    raise failures.unavailable(error) from error
            time.sleep(_PAUSE_S)


def _read(file: Path) -> Iterator[bytes]:
    """Yield a file in parts, at least one: an empty file is one too."""
    with file.open("rb") as source:
        part = source.read(PART)
        yield part
        while part and (part := source.read(PART)):
            yield part
