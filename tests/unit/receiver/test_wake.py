"""The knock of the mailbox: heard where somebody listens, harmless where nobody does."""

import asyncio
from pathlib import Path

import pytest

from evallab.receiver.wake import NAME, knock, listening


@pytest.mark.parametrize("depth", [0, 40], ids=["short", "longer than the address of a socket"])
async def test_a_knock_is_heard(tmp_path: Path, depth: int) -> None:
    home = tmp_path.joinpath(*["deeper"] * depth)
    home.mkdir(parents=True, exist_ok=True)
    heard = asyncio.Event()
    with listening(home, heard.set):
        knock(home)
        await asyncio.wait_for(heard.wait(), timeout=60)


async def test_the_last_who_came_hears_it(tmp_path: Path) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    with listening(tmp_path, first.set), listening(tmp_path, second.set):
        knock(tmp_path)
        await asyncio.wait_for(second.wait(), timeout=60)
    assert not first.is_set()


async def test_nobody_minds_a_knock_that_is_lost(tmp_path: Path) -> None:
    knock(tmp_path)
    with listening(tmp_path, lambda: None):
        for _ in range(10_000):  # more than anybody hears
            knock(tmp_path)
    knock(tmp_path)
    knock(tmp_path / "nowhere")
    assert (tmp_path / NAME).is_socket()


async def test_where_no_socket_can_be_made_it_goes_without(tmp_path: Path) -> None:
    with listening(tmp_path / "nowhere", lambda: None):
        await asyncio.sleep(0)
