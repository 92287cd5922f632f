"""Which kept files may go: by count, age and size, never those of pinned jobs and baselines. For `engine.retention`.

`keep_last` protects: the newest N results of each model and benchmark stay whatever their age and the size. With an age
or a size, what is not protected goes when it is older, or oldest first until the rest fits; with `keep_last` alone all
of it goes. Without any rule nothing does.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar


class File(Protocol):
    """A kept file of a job that has ended; rows of the store are such."""

    @property
    def path(self) -> str:
        """Where it lies; several rows may share a file."""

    @property
    def bytes(self) -> int:
        """What it takes on disk."""

    @property
    def ended_at(self) -> datetime:
        """When its job ended."""

    @property
    def pinned(self) -> bool:
        """Whether somebody keeps its job."""

    @property
    def rank(self) -> int:
        """1 for the newest of its model and benchmark."""


F = TypeVar("F", bound=File)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What is asked; None asks nothing."""

    keep_last: int | None = None
    older_than: timedelta | None = None
    max_bytes: int | None = None

    @property
    def sentence(self) -> str:
        """Say it in words, for the rows that expire."""
        days = self.older_than.total_seconds() / 86_400 if self.older_than is not None else None
        parts = (
            "" if self.keep_last is None else f"keep last {self.keep_last}",
            "" if days is None else f"older than {days:g} d",
            "" if self.max_bytes is None else f"at most {self.max_bytes} bytes",
        )
        return ", ".join(part for part in parts if part)


def expired(files: Sequence[F], policy: Policy, *, now: datetime) -> list[F]:
    """Return the files that go, oldest first."""
    free = [file for file in sorted(files, key=lambda each: each.ended_at) if not _is_protected(file, policy)]
    if policy.older_than is None and policy.max_bytes is None:
        return free if policy.keep_last is not None else []
    gone = [file for file in free if policy.older_than is not None and file.ended_at < now - policy.older_than]
    return gone + _too_much(files, free[len(gone) :], gone, policy)


def _is_protected(file: File, policy: Policy) -> bool:
    return file.pinned or (policy.keep_last is not None and file.rank <= policy.keep_last)


def _too_much(files: Sequence[F], free: Sequence[F], gone: Sequence[F], policy: Policy) -> list[F]:
    """Return the oldest free files, as many as it takes until the rest fits."""
    users = Counter(file.path for file in files)
    users.subtract(file.path for file in gone)
    sizes = {file.path: file.bytes for file in files}
    left = sum(sizes[path] for path, count in users.items() if count > 0)
    more: list[F] = []
    for file in free:
        if policy.max_bytes is None or left <= policy.max_bytes:
            break
        more.append(file)
        users[file.path] -= 1
        left -= sizes[file.path] if users[file.path] == 0 else 0
    return more


def size(files: Iterable[File]) -> int:
    """Return what files take on disk; a file that several rows share counts once."""
    return sum({file.path: file.bytes for file in files}.values())
