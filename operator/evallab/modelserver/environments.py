"""Environments for engines that do not fit beside each other: one per version, made by uv, found again by every job.

    <root>/<name>/                 a virtual environment, and `environment.json`: complete, or not there at all
    <root>/.making/<name>/         one that is being made, and uv's log; whoever holds the lock may remove it
    <root>/.locks/<name>           exclusive while it is made or removed, shared by the servers that run on it

It appears by one rename. When this process dies, uv holds the lock until it ends; the next to make it begins anew, and
finds in uv's cache what was complete. The engine calls `provide` (in a thread), `evallab envs` lists and collects.
"""

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evallab.api.errors import ModelServerFailed, UsageError
from evallab.modelserver.installing import PYTHON, Making

RECORD = "environment.json"
NEEDED = 10_000_000_000  #: bytes of vLLM with PyTorch and CUDA (8.6 GB for 0.32.0), and some more
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+!-]{0,63}")
_POLL_S = 0.1
Tell = Callable[[str], None]  #: says what is being done now; raises when nobody waits for it any more


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One complete environment."""

    name: str
    directory: Path
    python: str  #: version of its interpreter
    packages: Mapping[str, str]
    made_at: datetime
    used_at: datetime

    @property
    def interpreter(self) -> Path:
        """Its Python; the engine's command lies beside it."""
        return self.directory / "bin" / "python"

    def size(self) -> int:
        """Return the bytes of its files; those that uv's cache shares with it count, too."""
        files = (Path(top) / name for top, _, names in os.walk(self.directory) for name in names)
        return sum(each.lstat().st_size for each in files)


@dataclass(frozen=True, kw_only=True)
class Environments:
    """The environments below `root`."""

    root: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False
    needed: int = NEEDED
    free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free

    def all(self) -> list[Environment]:
        """Return every complete environment, by name."""
        found = (self._open(path) for path in sorted(self.root.glob("[!.]*")))
        return [each for each in found if each is not None]

    def provide(self, package: str, version: str, tell: Tell) -> tuple[Environment, int]:
        """Return the environment that holds a version of a package, made if need be, and a lock to run it under.

        The lock is a descriptor for the server to inherit; the caller closes its own. Raises EvallabError.
        """
        if not _VERSION.fullmatch(version):
            raise UsageError(f"{version!r} is no version of {package}.", remedy="Set serve.version to one like 0.32.0.")
        name = f"{package.replace('[', '-').removesuffix(']')}-{version}"  # an extra is part of a directory's name
        descriptor = self._lock(name)
        try:
            return self._provided(name, f"{package}=={version}", descriptor, tell), descriptor
        except BaseException:
            os.close(descriptor)
            raise

    def _provided(self, name: str, requirement: str, descriptor: int, tell: Tell) -> Environment:
        while True:
            if _flock(descriptor, fcntl.LOCK_SH) and (found := self._open(self.root / name)):
                (found.directory / RECORD).touch()
                return found
            if _flock(descriptor, fcntl.LOCK_EX) and not self._open(self.root / name):
                with _full_disk(self.root):
                    self._make(name, requirement, descriptor, tell)
            else:
                tell(f"waiting for another evallab that makes the environment {name}")
                time.sleep(_POLL_S)

    def _make(self, name: str, requirement: str, descriptor: int, tell: Tell) -> None:
        making = self.root / ".making" / name
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700, parents=True)
        self._require(name)
        tell(f"making the environment {name}")
        job = Making(making, self.environ, offline=self.offline, lock=descriptor, tell=tell)
        packages = job.install(requirement)
        record = {"name": name, "python": PYTHON, "packages": packages, "made_at": datetime.now(UTC).isoformat()}
        (making / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
        shutil.rmtree(self.root / name, ignore_errors=True)  # without a record it is none
        making.rename(self.root / name)

    def _require(self, name: str) -> None:
        free = self.free(self.root)
        if free < self.needed:
            raise ModelServerFailed(
                f"The environment {name} needs {self.needed / 1e9:.1f} GB; {self.root} has {free / 1e9:.1f} GB free.",
                remedy="Make room (evallab envs gc), or put EVALLAB_HOME on a larger disk.",
            )

    def unused(self, *, since: datetime) -> list[Environment]:
        """Return those that no job used since then, and that nothing runs on."""
        return [each for each in self.all() if each.used_at < since and self._idle(each.name)]

    def _idle(self, name: str) -> bool:
        descriptor = self._lock(name)
        try:
            return _flock(descriptor, fcntl.LOCK_EX)
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> bool:
        """Remove an environment unless something runs on it; say whether it is gone."""
        descriptor = self._lock(name)
        try:
            if not _flock(descriptor, fcntl.LOCK_EX):
                return False
            gone = self.root / ".making" / f"{name}.gone"
            shutil.rmtree(gone, ignore_errors=True)
            gone.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                (self.root / name).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
            return True
        finally:
            os.close(descriptor)

    def remove_remains(self) -> None:
        """Remove what was being made when its maker died."""
        for path in sorted((self.root / ".making").glob("*")):
            descriptor = self._lock(path.name.removesuffix(".gone"))
            if _flock(descriptor, fcntl.LOCK_EX):
                shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)

    def _open(self, directory: Path) -> Environment | None:
        try:
            file = directory / RECORD
            record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            used_at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        return Environment(
            name=record["name"],
            directory=directory,
            python=record["python"],
            packages=record["packages"],
            made_at=datetime.fromisoformat(record["made_at"]),
            used_at=used_at,
        )

    def _lock(self, name: str) -> int:
        locks = self.root / ".locks"
        locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(locks / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def _full_disk(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ModelServerFailed(
            f"An environment in {root} could not be made: {error.strerror or error}.",
            remedy="Make room (evallab envs gc), and check that this directory can be written.",
        ) from error


def _flock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
