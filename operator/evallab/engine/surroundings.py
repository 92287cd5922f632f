"""What the process runs in: its packages, the commit of its checkout, the machine and its GPUs. For `provenance`.

Facts that cannot be known are None, or say why (`Unknown`); nothing here raises. What a process has loaded does not
change while it runs, and finding it out takes longer than all else that is done for a job: it is asked for once.
"""

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from evallab.planning.provenance import Unknown
from evallab.runtimes.local.gpu_facts import gpu_facts

PACKAGES = (
    "evallab", "lm-eval", "numpy", "scipy", "torch", "transformers", "vllm", "tokenizers", "gguf", "xllamacpp",
    "datasets", "aiohttp", "psycopg",
)  # fmt: skip
_IN_PODS = Unknown("pods ran on the nodes that they name; the operator's own host is not one of them")
_HOST = ("hostname", "machine", "cpu", "cpus", "memory_bytes", "kernel", "os", "python", "executable")
_GPU = ("gpu", "driver", "cuda")


@cache
def own_commit() -> dict[str, Any]:
    """Return the commit that evallab itself runs from; unknown unless it runs from its checkout."""
    folder = Path(__file__).parents[2]
    return commit(folder) if folder.name == "operator" else {"commit": None, "dirty": None}


def commit(folder: Path) -> dict[str, Any]:
    """Return the commit of the checkout that `folder` lies in, and whether files that git tracks differ from it."""
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": _git(folder, "rev-parse", "HEAD"), "dirty": None if changes is None else bool(changes)}


def _git(folder: Path, *args: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *args], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@cache
def version(name: str) -> str | None:
    """Return the version of an installed package."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def packages() -> dict[str, str | None]:
    """Return the versions of packages that can change an answer or a score; None for those that are not here."""
    return {name: version(name) for name in PACKAGES}


@cache
def packages_sha256() -> str:
    """Return the hash over `name==version` of all packages: equal hashes, equal environments."""
    return sha256_of({each.name: each.version for each in metadata.distributions()})


def sha256_of(versions: Mapping[str, str]) -> str:
    """Return the hash over `name==version` of these packages, sorted, a line each."""
    lines = {f"{name.lower().replace('_', '-')}=={number}\n" for name, number in versions.items()}
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def host() -> dict[str, Any]:
    """Return what this machine is."""
    return {
        "hostname": platform.node(),
        "machine": platform.machine(),
        "cpu": _cpu(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "os": _os(),
        "python": platform.python_version(),
        "executable": Path(sys.executable).name,
        **gpu_facts(),
    }


def no_host() -> dict[str, Any]:
    """Return the same for a job in a cluster, where each pod names its node."""
    return dict.fromkeys((*_HOST, *_GPU), _IN_PODS)


def _cpu() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _os() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None
