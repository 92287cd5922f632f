"""The server as an init container asks it: for test data from its cache, and for what an earlier attempt left.

The server may be away, or still be fetching: it is asked again until the time is up. What it refuses has its reason in
`message_code`.
"""

import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar, cast
from urllib.parse import quote

import httpx

from evallab.datasets.failures import ALL, DatasetChanged, DatasetFailed, DatasetTimeout
from evallab.datasets.manifest import inside
from evallab.datasets.watch import Watch
from evallab.initializer.material import remove

_REASONS = {name: each for each in ALL for name in (each.reason, each.code)}
_AWAY = frozenset({401, 408, 425, 429, 500, 502, 503, 504})
_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 8.0
_LONGEST_S = 600.0  #: the server may be fetching
SNAPSHOT = "X-Evallab-Snapshot"
T = TypeVar("T")


class Server:
    """The server, as one attempt may ask it."""

    def __init__(self, base: str, token: Path, watch: Watch, *, seconds: float | None) -> None:
        """`token` is a file, read anew for each request; `seconds` is how long there is for all of them."""
        self._base, self._token, self._watch = base, token, watch
        self._timeout = httpx.Timeout(min(_LONGEST_S, seconds or _LONGEST_S), connect=5.0)

    def data(self, into: Path) -> dict[str, Any]:
        """Unpack the test data into a directory and return what the server says of it. Raises DatasetFailed."""

        def ask() -> dict[str, Any]:
            remove(into)
            into.mkdir(parents=True)
            with self._reply("data") as reply:
                said = json.loads(reply.headers.get(SNAPSHOT) or "{}")
                _unpack(reply, into, self._watch)
                return dict(said)

        return self._patiently(ask)

    def work(self) -> list[tuple[str, int]]:
        """Return the files that an earlier attempt left, with their sizes. Raises DatasetFailed."""

        def ask() -> list[tuple[str, int]]:
            with self._reply("work") as reply:
                files = json.loads(reply.read()).get("files", [])
                return [(str(each["name"]), int(each["bytes"])) for each in files]

        return self._patiently(ask)

    def work_file(self, name: str, target: Path) -> int:
        """Write one of them and return its size. Raises DatasetFailed, OSError."""

        def ask() -> int:
            with self._reply(f"work/{quote(name, safe='/')}") as reply, target.open("wb") as file:
                for part in reply.iter_bytes():
                    file.write(part)
                    self._watch.tick(len(part))
            return target.stat().st_size

        return self._patiently(ask)

    @contextmanager
    def _reply(self, path: str) -> Iterator[httpx.Response]:
        headers = {"Authorization": f"Bearer {self._current_token()}"}
        with httpx.stream(
            "GET", f"{self._base}/{path}", headers=headers, timeout=self._timeout, trust_env=False
        ) as reply:
            if reply.status_code != 200:
                reply.read()
                raise _failure(reply)
            yield reply

    def _current_token(self) -> str:
        try:
            return self._token.read_text().strip()
        except OSError as error:
            raise _Away(f"the token cannot be read: {error.strerror}") from error

    def _patiently(self, ask: Callable[[], T]) -> T:
        pause, why = _PAUSE_S, ""
        while True:
            try:
                return ask()
            except (httpx.HTTPError, _Away, tarfile.ReadError, ValueError, KeyError, TypeError) as error:
                why = str(error) if isinstance(error, _Away) else type(error).__name__
            try:
                self._watch.rest(pause)
            except DatasetTimeout as error:
                raise DatasetTimeout(f"{error.message} The server: {why}.", remedy=error.remedy) from None
            pause = min(_LONGEST_PAUSE_S, pause * 2)


class _Away(Exception):
    """The server is away, or not ready yet."""


def _failure(reply: httpx.Response) -> Exception:
    try:
        said = reply.json()
        code, message = str(said["message_code"]), str(said.get("message", ""))
    except (ValueError, KeyError, TypeError):
        return _Away(f"HTTP {reply.status_code}")
    if code in _REASONS:
        return _REASONS[code](message or None)
    if reply.status_code in _AWAY:
        return _Away(f"HTTP {reply.status_code} {code}")
    return DatasetFailed(f"The server refuses: {message or code} (HTTP {reply.status_code}).")


def _unpack(reply: httpx.Response, into: Path, watch: Watch) -> None:
    """Unpack plain files as they arrive. Raises DatasetFailed for anything else, OSError."""
    with tarfile.open(fileobj=cast("IO[bytes]", _Stream(reply, watch)), mode="r|") as archive:
        for member in archive:
            if member.isdir():
                continue
            content = archive.extractfile(member) if member.isfile() else None
            if content is None:
                raise DatasetChanged(f"The server's archive holds {member.name!r}, which is no plain file.")
            target = inside(into, member.name.removeprefix("./"))
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                while part := content.read(1 << 20):
                    file.write(part)


class _Stream:
    """The body of a reply as a file to be read forwards."""

    def __init__(self, reply: httpx.Response, watch: Watch) -> None:
        self._parts, self._rest, self._watch = reply.iter_bytes(), b"", watch

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (part := next(self._parts, b"")):
            self._rest += part
            self._watch.tick(len(part))
        given, self._rest = self._rest[:size], self._rest[size:]
        return given
