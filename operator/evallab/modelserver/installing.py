"""What uv is told to make an environment, and what its words mean when it cannot. Called by `environments`."""

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evallab.api.errors import ModelServerFailed, UsageError

PYTHON = platform.python_version()  #: the environments have the interpreter that evallab has
_KEPT = frozenset({
    "PATH", "HOME", "USER", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME",
    "XDG_CONFIG_HOME", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "NETRC",
})  # fmt: skip
_LOOK_S = 0.1
_SHOWN_LINES = 12


@dataclass(frozen=True)
class Making:
    """An environment while it is made in `directory`; uv holds `lock`, so that nobody else begins if we die."""

    directory: Path
    environ: Mapping[str, str]
    offline: bool
    lock: int
    tell: Callable[[str], None]

    def install(self, requirement: str) -> dict[str, str]:
        """Make it, and return the packages in it with their versions. Raises EvallabError."""
        python = str(self.directory / "bin" / "python")
        kind = ("--allow-existing", "--relocatable", "--python", sys.executable)
        self._run(requirement, "venv", *kind, str(self.directory))
        self._run(requirement, "pip", "install", "--python", python, "--compile-bytecode", requirement)
        listed = self._run(requirement, "pip", "freeze", "--python", python)
        pairs = (line.partition("==") for line in listed.splitlines() if "==" in line)
        return {name: version for name, _, version in pairs}

    def _run(self, requirement: str, *args: str) -> str:
        """Run uv to its end; what it says of its progress goes on to whoever waits."""
        log, out = self.directory / "uv.log", self.directory / "uv.out"
        command = [program(), *args, "--no-progress", *(("--offline",) if self.offline else ())]
        with log.open("wb") as errors, out.open("wb") as output:
            process = subprocess.Popen(
                command,
                env=kept(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                pass_fds=(self.lock,),
                cwd=self.directory,
            )
            self._wait(process, log, requirement)
        if process.returncode:
            raise refusal(log.read_text(encoding="utf-8", errors="replace"), requirement, offline=self.offline)
        return out.read_text(encoding="utf-8", errors="replace")

    def _wait(self, process: "subprocess.Popen[bytes]", log: Path, requirement: str) -> None:
        try:
            while process.poll() is None:
                lines = log.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
                self.tell(f"making the environment of {requirement}" + (f": {lines[-1].strip()}" if lines else ""))
                time.sleep(_LOOK_S)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def program() -> str:
    """Return uv's path: the one that evallab brings (extra `local`), else the one on PATH. Raises UsageError."""
    try:
        import uv

        return uv.find_uv_bin()
    except (ModuleNotFoundError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise UsageError("There is no uv to make an environment with.", remedy="pip install 'evallab[local]'")
    return found


def kept(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what uv may know of our environment: its own settings, proxies and places, no other secrets."""
    found = {name: value for name, value in environ.items() if name in _KEPT or name.startswith("UV_")}
    return {"PATH": os.defpath, **found}


def refusal(said: str, requirement: str, *, offline: bool) -> ModelServerFailed:
    """Return what uv's last words mean for people. Pure."""
    lower, tail = said.lower(), "\n".join(said.strip().splitlines()[-_SHOWN_LINES:])
    package = requirement.partition("==")[0]
    served = "[" not in package  # else it is a harness's back end, which has no version of its own to choose
    if _any(lower, ("no space left on device", "disk quota exceeded")):
        reason, remedy = "The disk is full", "Make room (evallab envs gc, uv cache prune), or move EVALLAB_HOME."
    elif offline or "network connectivity is disabled" in lower:
        reason = "EVALLAB_OFFLINE is set, and not everything is in uv's cache"
        own = "serve with the one on PATH (leave serve.version out)" if served else f"install {package} beside evallab"
        remedy = f"Run it once where there is a network, or {own}."
    elif _any(lower, ("no solution found", "no version of", "was not found in")):
        reason = "No such version fits this Python and this platform"
        wrong = "Check serve.version" if served else f"Check that {requirement} is in your package index"
        remedy = f"{wrong}; this is Python {PYTHON} on {platform.machine()}."
    elif _any(lower, ("error sending request", "failed to fetch", "connect error", "timed out", "dns error")):
        reason, remedy = "The package index cannot be reached", "Check the network, the proxy and UV_INDEX_URL."
    elif _any(lower, ("failed to build", "build backend")):
        reason, remedy = (
            "A package had to be built, and could not be",
            "Use a version that has a wheel for this platform.",
        )
    else:
        reason, remedy = "uv could not install it", "Look at what it said above."
    return ModelServerFailed(
        f"The environment of {requirement} could not be made. {reason}. The end of uv's log:\n{tail}\n", remedy=remedy
    )


def _any(text: str, words: Sequence[str]) -> bool:
    return any(word in text for word in words)
