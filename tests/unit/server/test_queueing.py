"""The server's hand on the queue: a look that fails is not the last one."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from evallab.api.errors import EvallabError, StoreUnavailable
from evallab.server import queueing
from evallab.server.queueing import Queueing


async def test_a_look_that_fails_is_said_and_repeated(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queueing, "PAUSE_S", 0)
    outcomes: list[Exception | None] = [EvallabError("Postgres refused: x."), StoreUnavailable("away"), None]
    looked = asyncio.Event()

    async def look() -> bool:
        outcome = outcomes.pop(0) if outcomes else None
        if outcome is not None:
            raise outcome
        looked.set()
        return False

    driving = Queueing(cast("Any", SimpleNamespace(look=look)), cast("Any", None), cast("Any", None))
    with caplog.at_level(logging.WARNING):
        task = asyncio.create_task(driving.run())
        async with asyncio.timeout(30):
            await looked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [each.getMessage() for each in caplog.records] == [
        "the queue could not be looked at",
        "waiting for Postgres",
    ]
