"""An environment of its own for EvalHub's public client, built once per version; the fixtures of this folder use it.

The client's dependencies are not ours, so it must not share our environment; and its command and adapters are run as
their users run them, as programs.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("sdk-requirements.txt")
_UV = Path(sys.executable).with_name("uv")


@dataclass(frozen=True)
class SdkEnvironment:
    """Where the client is installed."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter: adapters are run by it."""
        return self.folder / "bin" / "python"

    @property
    def evalhub(self) -> Path:
        """The `evalhub` command."""
        return self.folder / "bin" / "evalhub"


def sdk_folder() -> Path:
    """Return where the environment of the pinned requirements is, or will be."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "evallab-tests" / f"eval-hub-sdk-{_fingerprint()}"


def sdk_environment() -> SdkEnvironment:
    """Return the environment of the pinned requirements; make it when it is not there.

    Several test processes may ask at once: one builds, the others wait. A build that was interrupted is begun again.
    """
    folder = sdk_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.with_suffix(".lock")):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _build(folder)
            (folder / "complete").touch()
    return SdkEnvironment(folder)


def _fingerprint() -> str:
    asked = REQUIREMENTS.read_bytes() + sys.version.encode() + sys.base_prefix.encode()
    return hashlib.sha256(asked).hexdigest()[:16]


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _build(folder: Path) -> None:
    uv = str(_UV) if _UV.exists() else "uv"
    _run(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
    install = (uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"))
    _run(*install, "--require-hashes", "--only-binary", ":all:", "-r", str(REQUIREMENTS))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"EvalHub's client cannot be installed: {' '.join(command)}\n{done.stderr}")
