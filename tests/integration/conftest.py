"""A real Postgres: one embedded server per session, one freshly migrated database per test.

Other tests use `database_url` (a string for EVALLAB_DATABASE_URL) and `store` (opened on it).
"""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from evallab.store import embedded
from evallab.store.connection import open_store
from evallab.store.postgres import PostgresStore

Create = Callable[[LiteralString], str]


@pytest.fixture(scope="session")
def open_home() -> Iterator[Path]:
    """A folder that also the account which runs Postgres may enter (pytest's own are closed to it)."""
    path = Path(tempfile.mkdtemp(prefix="evallab-tests-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def server(open_home: Path) -> Iterator[psycopg.Connection]:
    """The server, as a connection that keeps it from leaving."""
    with psycopg.connect(embedded.ensure(open_home), autocommit=True) as connection:
        yield connection
    embedded.stop(open_home)


@pytest.fixture(scope="session")
def create_database(server: psycopg.Connection, open_home: Path) -> Create:
    """Make a database from a template, and return its URL."""
    numbers = itertools.count(1)

    def create(template: LiteralString) -> str:
        name = f"test_{next(numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        server.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        url = embedded.running(open_home)
        assert url is not None
        return urlsplit(url)._replace(path=f"/{name}").geturl()

    return create


@pytest.fixture(scope="session")
def migrated_template(create_database: Create, open_home: Path) -> LiteralString:
    """The name of a database with the schema and nothing else."""
    url = create_database("template1")

    async def migrate() -> None:
        async with open_store(url=url, home=open_home):
            pass

    asyncio.run(migrate())
    return urlsplit(url).path.removeprefix("/")


@pytest.fixture
def database_url(
    create_database: Create, migrated_template: LiteralString, server: psycopg.Connection
) -> Iterator[str]:
    """The URL of a freshly migrated database of this test's own."""
    url = create_database(migrated_template)
    yield url
    drop(server, url)


@pytest.fixture
def empty_database_url(create_database: Create, server: psycopg.Connection) -> Iterator[str]:
    """The URL of a database without anything of ours."""
    url = create_database("template1")
    yield url
    drop(server, url)


def drop(server: psycopg.Connection, url: str) -> None:
    """Drop a database, so that the server need not write it when it stops."""
    server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(urlsplit(url).path[1:])))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PostgresStore]:
    """The store on a database of this test's own."""
    async with PostgresStore(lambda: database_url, patience_s=5) as opened:
        yield opened
