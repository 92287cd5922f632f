"""Streams: ids say where a client was, a bell ends a wait, and closing ends them all."""

import asyncio

import pytest

from evallab.api.evalhub.errors import ApiError
from evallab.server.stream import Streams
from evallab.server.stream_messages import END, Place, digest, message

PATIENCE_S = 10.0


@pytest.mark.parametrize("place", [Place(), Place(7, digest({"a": 1})), Place(7, END)])
def test_a_place_is_read_as_it_was_written(place: Place) -> None:
    assert Place.read(str(place)) == place


@pytest.mark.parametrize("text", ["", "7", "7-", "-7-new", "7-NEW", "7-0123", "٧-new", "7-new\n", "1" * 19 + "-new"])
def test_a_text_that_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        Place.read(text)
    assert (refused.value.message_code, refused.value.status) == ("query_parameter_invalid", 400)


def test_a_message_is_one_line_of_data_whatever_it_holds() -> None:
    text = message("event", {"said": "a\r\nb\n\nevent: evil é"}, Place(3, "new")).decode()
    assert text == 'event: event\nid: 3-new\ndata: {"said":"a\\r\\nb\\n\\nevent: evil é"}\n\n'


async def test_a_ring_ends_the_wait_of_the_streams_of_that_job_only() -> None:
    streams = Streams()
    with streams.opened("one") as one, streams.opened("two") as two:
        waits = asyncio.create_task(one.wait(3600)), asyncio.create_task(two.wait(3600))
        await asyncio.sleep(0)
        streams.ring("one")
        done, waiting = await asyncio.wait(waits, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        assert (done, waiting) == ({waits[0]}, {waits[1]})
        waits[1].cancel()


async def test_a_ring_before_the_wait_is_not_lost() -> None:
    streams = Streams()
    with streams.opened("one") as bell:
        streams.ring("one")
        async with asyncio.timeout(PATIENCE_S):
            await bell.wait(3600)


async def test_only_a_change_rings() -> None:
    streams = Streams()
    with streams.opened("one") as bell:
        streams.seen("one", ("running", 1))
        await bell.wait(0)
        streams.seen("one", ("running", 1))
        waiting = asyncio.create_task(bell.wait(3600))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        streams.seen("one", ("running", 2))
        async with asyncio.timeout(PATIENCE_S):
            await waiting


async def test_closing_ends_open_streams_and_those_that_come() -> None:
    streams = Streams()
    with streams.opened("one") as one:
        streams.close()
        with streams.opened("two") as two:
            assert (one.closed, two.closed, len(streams)) == (True, True, 2)
    assert len(streams) == 0
