"""Files that a cluster kept in the database are read on a machine that has none of them."""

import asyncio
from pathlib import Path

from tests.integration.cli.command import Command
from tests.integration.cli.seeding import CANDIDATE

from evallab.store.blobs import Blobs
from evallab.store.postgres import PostgresStore


async def test_logs_and_texts_come_from_the_database(evallab: Command, store: PostgresStore, tmp_path: Path) -> None:
    shared = Blobs(evallab.database_url)
    for each in await store.artifacts(CANDIDATE):
        await asyncio.to_thread(shared.put, each.path, evallab.home / "artifacts" / each.path)
    elsewhere = Command(tmp_path, evallab.database_url)

    for words in (("logs", CANDIDATE), ("samples", CANDIDATE, "--benchmark", "0", "--limit", "3")):
        there, here = [await asyncio.to_thread(each, *words) for each in (elsewhere, evallab)]
        assert (there.returncode, there.stdout, there.stderr) == (0, here.stdout, here.stderr)
