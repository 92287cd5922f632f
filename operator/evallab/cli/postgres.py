"""PostgreSQL's programs on our database: where they are, how they connect, dump and restore. Called by `db`.

Passwords go to programs in their environment, never in their arguments, which every user of the machine can read.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from evallab.api.errors import StoreUnavailable, UsageError
from evallab.settings import Settings
from evallab.store import embedded
from evallab.store.connection import source

VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "options": "PGOPTIONS",
}


def url(settings: Settings) -> str:
    """Return the database's URL; starts the embedded server when it is that one."""
    return source(settings.database_url, settings.home)()


def stop(settings: Settings) -> bool:
    """Stop the embedded server; False when it was not running."""
    return embedded.stop(settings.home)


def program(settings: Settings, name: str) -> Path:
    """Return one of PostgreSQL's programs."""
    return embedded.binaries(settings.home) / name


def connection(settings: Settings) -> dict[str, str]:
    """Return the environment variables that lead libpq to the database. Raises UsageError for a URL it cannot read."""
    try:
        parts = conninfo_to_dict(url(settings))
    except ProgrammingError as error:
        raise UsageError(f"EVALLAB_DATABASE_URL is not a Postgres URL: {error}".strip()) from error
    strange = sorted(parts.keys() - VARIABLES.keys())
    if strange:
        raise UsageError(f"EVALLAB_DATABASE_URL: psql cannot be given {', '.join(strange)} this way.")
    return {VARIABLES[key]: str(value) for key, value in parts.items() if value is not None}


def dump(settings: Settings, file: Path) -> None:
    """Write the whole database to `file`, which appears only when it is complete."""
    partial = file.with_name(f".{file.name}.partial")
    try:
        _call(settings, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={partial}")
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def restore(settings: Settings, file: Path) -> None:
    """Replace what evallab keeps by what the dump holds, in one transaction.

    The dump becomes SQL first: a damaged one is found out before anything is dropped. The schema of our tables goes
    whole, because tables of a newer version, which the dump does not know, would hold on to the older ones.
    """
    with tempfile.TemporaryDirectory(prefix="evallab-restore-") as directory:
        script = Path(directory) / "dump.sql"
        plainly = ("--clean", "--if-exists", "--no-owner", "--no-privileges")
        _call(settings, "pg_restore", *plainly, f"--file={script}", file)
        drop = "SET client_min_messages = warning; DROP SCHEMA IF EXISTS evallab_tables CASCADE"
        strict = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction")
        _call(settings, "psql", *strict, f"--command={drop}", f"--file={script}")


def _call(settings: Settings, name: str, *args: str | Path) -> None:
    """Run a program on the database; raise StoreUnavailable with what it said when it fails."""
    done = subprocess.run(
        [program(settings, name), *args],
        env={**os.environ, **connection(settings)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise StoreUnavailable(f"{name} failed: {said[0]}", remedy=" ".join(said[1:4]))
