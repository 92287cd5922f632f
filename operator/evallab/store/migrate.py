"""Bringing a database to this code's schema: numbered SQL files, each applied once, in order, under one lock.

`connection.open_store` calls it for every command. Why not a migration tool: docs/decisions/0004.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg

from evallab.api.errors import StoreUnavailable
from evallab.store.part import every, only, write
from evallab.store.queries import QUERIES, SQL, read
from evallab.store.transactions import Connection

DIRECTORY = SQL / "migrations"
_NAME = re.compile(r"(?P<number>[0-9]{4})_[a-z0-9]+(_[a-z0-9]+)*")
_OTHER_DATABASE = "Or give evallab a database of its own (EVALLAB_DATABASE_URL)."


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One step: its name (0001_tables), its SQL and the hash of it."""

    name: str
    sql: LiteralString

    @property
    def sha256(self) -> str:
        """Hex digest of the SQL, by which a changed file is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def known(directory: Path = DIRECTORY) -> tuple[Migration, ...]:
    """Return the migrations of this code, in order. Raises ValueError unless they are 0001_…, 0002_… without a gap."""
    found = tuple(Migration(name=path.stem, sql=read(path)) for path in sorted(directory.glob("*.sql")))
    for number, migration in enumerate(found, start=1):
        match = _NAME.fullmatch(migration.name)
        if match is None or int(match["number"]) != number:
            raise ValueError(f"{migration.name}.sql: expected a name like {number:04}_words_of_what_it_does.sql.")
    return found


def pending(migrations: Sequence[Migration], applied: Mapping[str, str]) -> tuple[Migration, ...]:
    """Return what is still to apply. Raises StoreUnavailable when the database is not an earlier state of this code."""
    unknown = sorted(applied.keys() - {each.name for each in migrations})
    if unknown:
        raise StoreUnavailable(
            f"The database was made by a newer evallab: it has {', '.join(unknown)}, which this one does not know.",
            remedy=f"Use evallab in that version or a newer one. {_OTHER_DATABASE}",
        )
    changed = [each.name for each in migrations if applied.get(each.name, each.sha256) != each.sha256]
    if changed:
        raise StoreUnavailable(
            f"The database was made with another content of {', '.join(changed)}.",
            remedy=f"Use the evallab that made it. {_OTHER_DATABASE}",
        )
    return tuple(each for each in migrations if each.name not in applied)


async def migrate(connection: Connection, migrations: Sequence[Migration] | None = None) -> tuple[str, ...]:
    """Apply what is pending inside the caller's transaction, and return the names; safe when two processes do it."""
    steps = known() if migrations is None else migrations
    if not pending(steps, await applied(connection)):
        return ()
    await write(connection, "lock_migrations", {})
    await connection.execute(QUERIES["prepare_migrations"])
    todo = pending(steps, await applied(connection))  # anew: somebody else may have held the lock
    for step in todo:
        await _apply(connection, step)
    return tuple(step.name for step in todo)


async def check(connection: Connection) -> None:
    """Raise StoreUnavailable unless the database has exactly the schema of this code."""
    todo = pending(known(), await applied(connection))
    if todo:
        raise StoreUnavailable(
            f"The database lacks {', '.join(each.name for each in todo)}.",
            remedy="Let evallab migrate it, with a role that may create tables.",
        )


async def applied(connection: Connection) -> dict[str, str]:
    """Return name → hash of what the database has seen."""
    if not (await only(connection, "has_migrations", {}))["found"]:
        return {}
    return {each["name"]: each["sha256"] for each in await every(connection, "applied_migrations", {})}


async def _apply(connection: Connection, step: Migration) -> None:
    try:
        await connection.execute(step.sql)
    except (psycopg.ProgrammingError, psycopg.NotSupportedError) as error:
        raise StoreUnavailable(
            f"Migration {step.name} failed: {error.diag.message_primary or error}.",
            remedy="evallab needs Postgres 15 or newer, a role that may create tables, and a database of its own.",
        ) from error
    await write(connection, "remember_migration", {"name": step.name, "sha256": step.sha256})
