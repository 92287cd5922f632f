"""A database with two finished jobs, and the command that looks at it."""

from pathlib import Path

import pytest
from tests.integration.cli.command import Command
from tests.integration.cli.seeding import seed

from evallab.store.postgres import PostgresStore


@pytest.fixture
async def evallab(store: PostgresStore, open_home: Path, database_url: str) -> Command:
    """The command, on a database with a baseline and a candidate."""
    await seed(store, open_home)
    return Command(open_home, database_url)
