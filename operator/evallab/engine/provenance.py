"""Who and what made a job's numbers: evallab's own commit, the packages, the host, the model and its server.

Called once per job when it ends. Facts that cannot be known are None, never guessed.
"""

import hashlib
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from evallab.planning import keys
from evallab.planning.checks import not_enforced
from evallab.store.interface import JobRow

PACKAGES = ("evallab", "lm-eval", "numpy", "tokenizers", "gguf", "xllamacpp", "datasets", "aiohttp", "psycopg")


def collect(job: JobRow, model_server: dict[str, Any] | None) -> dict[str, Any]:
    """Return the job-level provenance record (JSON)."""
    model = job.spec.model
    return {
        "evallab": {"version": _version("evallab"), **_own_commit()},
        "model": {
            "name": model.name,
            "url": model.url,
            "lineage": model.lineage.model_dump() if model.lineage else None,
            "source": model.serve.source.model_dump(exclude_none=True) if model.serve and model.serve.source else None,
        },
        "model_server": model_server,
        "sampling": job.spec.sampling.model_dump(),
        "packages": {name: _version(name) for name in PACKAGES},
        "host": _host() if job.runtime == "local" else dict.fromkeys(_host()),  # pods say where they ran
        "spec_sha256": keys.digest(job.spec.model_dump(mode="json")),
        "not_enforced": [text.partition(":")[0] for text in not_enforced(job.spec, job.runtime)],
        "manifest": {
            "sha256": hashlib.sha256(job.manifest.encode()).hexdigest(),
            **(_commit(Path(job.manifest_dir)) if job.manifest_dir else {}),
        },
    }


def setup_key(record: dict[str, Any]) -> str:
    """Return the hash of what answered, from a provenance record."""
    server = record["model_server"] or {}
    weights = server.get("fingerprint") or {}
    model = (
        {"weights": weights["sha256"]} if weights else {"name": record["model"]["name"], "url": record["model"]["url"]}
    )
    host = {key: record["host"][key] for key in ("machine", "cpu")}
    engine = {key: server.get(key) for key in ("runtime", "argv", "server")}
    if server.get("image_id"):  # in a cluster
        engine["image"] = server["image_id"]
    engine["argv"] = [part for part in engine["argv"] or [] if part != record["model"]["name"]]
    engine["server"] = {"version": (engine["server"] or {}).get("version")}
    return keys.setup_key(model=model, server=engine, host=host)


def _own_commit() -> dict[str, Any]:
    """Return the commit that evallab itself runs from; unknown unless it runs from its checkout."""
    folder = Path(__file__).parents[2]
    return _commit(folder) if folder.name == "operator" else {"commit": None, "dirty": None}


def _commit(folder: Path) -> dict[str, Any]:
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


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _host() -> dict[str, Any]:
    return {
        "hostname": platform.node(),
        "machine": platform.machine(),
        "cpu": _cpu(),
        "kernel": platform.release(),
        "os": _os(),
        "python": platform.python_version(),
        "executable": Path(sys.executable).name,
        "gpu": None,
    }


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
