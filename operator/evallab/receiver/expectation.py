"""What is expected of one attempt, and the folder of files that say it to other processes. Used by `expected`.

A file is written before its attempt starts and removed when the job has ended; it is looked at for each event, and read
again only when it changed.
"""

import hashlib
import hmac
import json
import os
import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evallab.api.contract import JobSpec
from evallab.runtimes.local.files import write_atomically

_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.:-]{0,127}")  # never another folder, never a hidden file
_SUFFIX = ".json"
_REMEMBERED = 1024  # files that are not read again for each event
_Stamp = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """For which benchmark of which job an attempt may speak; without a token's hash anybody may speak for it.

    `token_required`: also adapters that know nothing of tokens must show it.
    """

    job_id: str
    provider_id: str
    benchmark_id: str
    benchmark_index: int
    token_sha256: str | None = None
    token_required: bool = False

    @classmethod
    def of(cls, spec: JobSpec, token: str | None, *, token_required: bool = False) -> "Expectation":
        """Return what is expected of the attempt with that job.json."""
        return cls(
            job_id=spec.id,
            provider_id=spec.provider_id,
            benchmark_id=spec.benchmark_id,
            benchmark_index=spec.benchmark_index,
            token_sha256=None if token is None else _sha256(token),
            token_required=token_required,
        )

    def admits(self, authorization: str | None, *, required: bool) -> bool:
        """Judge an Authorization header; adapters that know nothing of tokens send none."""
        if self.token_sha256 is None:
            return True
        if authorization is None:
            return not (required or self.token_required)
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(_sha256(token.strip()), self.token_sha256)


def usable(attempt_id: str) -> bool:
    """Say whether an id may name a file."""
    return _ID.fullmatch(attempt_id) is not None


class ExpectationFiles:
    """`<folder>/<attempt>.json`: job.json and the hash of the token."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`; it is made when it is missing."""
        self._folder = folder
        self._read: OrderedDict[str, tuple[_Stamp, Expectation | None]] = OrderedDict()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def write(self, attempt_id: str, spec: JobSpec, token: str, *, token_required: bool) -> None:
        """Write a file whole or not at all. Raises OSError (disk full)."""
        content = {
            "spec": spec.model_dump(mode="json"),
            "token_sha256": _sha256(token),
            "token_required": token_required,
        }
        write_atomically(self._path(attempt_id), json.dumps(content))

    def remove(self, attempt_id: str) -> None:
        """Remove a file that may be there."""
        self._read.pop(attempt_id, None)
        self._path(attempt_id).unlink(missing_ok=True)

    def find(self, attempt_id: str) -> Expectation | None:
        """Return what the file of an attempt says now; None when there is none, or a damaged one."""
        path = self._path(attempt_id)
        try:
            stat = path.stat()
            stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            remembered = self._read.get(attempt_id)
            if remembered and remembered[0] == stamp:
                return remembered[1]
            found = _parsed(path.read_bytes())
        except OSError:
            self._read.pop(attempt_id, None)
            return None
        self._remember(attempt_id, (stamp, found))
        return found

    def ids(self) -> list[str]:
        """Return the attempts that have a file, oldest first."""
        aged = list[tuple[int, str]]()
        for entry in self._entries():
            with suppress(OSError):  # it went meanwhile
                aged.append((entry.stat().st_mtime_ns, entry.name.removesuffix(_SUFFIX)))
        return [name for _, name in sorted(aged)]

    def any(self) -> bool:
        """Say whether there is a file; cheap."""
        return next(self._entries(), None) is not None

    def _entries(self) -> Iterator["os.DirEntry[str]"]:
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            yield from (entry for entry in entries if entry.name.endswith(_SUFFIX) and entry.name[0] != ".")

    def _path(self, attempt_id: str) -> Path:
        if not usable(attempt_id):
            raise ValueError(f"The attempt id {attempt_id!r} cannot name a file.")
        return self._folder / f"{attempt_id}{_SUFFIX}"

    def _remember(self, attempt_id: str, seen: tuple[_Stamp, Expectation | None]) -> None:
        self._read[attempt_id] = seen
        self._read.move_to_end(attempt_id)
        if len(self._read) > _REMEMBERED:
            self._read.popitem(last=False)


def _parsed(content: bytes) -> Expectation | None:
    try:
        document: dict[str, Any] = json.loads(content)
        spec, sha256 = document["spec"], document["token_sha256"]
        return Expectation(
            job_id=str(spec["id"]),
            provider_id=str(spec["provider_id"]),
            benchmark_id=str(spec["benchmark_id"]),
            benchmark_index=int(spec["benchmark_index"]),
            token_sha256=str(sha256),
            token_required=document.get("token_required") is True,
        )
    except (ValueError, KeyError, TypeError):
        return None


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
