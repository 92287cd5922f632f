"""The width of what is under way, and the budget of errors: pure, reply by reply."""

import asyncio
from typing import cast

import pytest

from evallab.adapter.budget import ErrorBudget
from evallab.adapter.width import Gate, Signal, Width
from evallab.api.errors import ModelServerFailed


def told(width: Width, *signals: str, latency: float = 1.0) -> int:
    for signal in signals:
        width.note(cast("Signal", signal), latency=latency, admitted=width.back_offs)
    return width.now


def test_429_halves_at_once_and_clean_rounds_add_one_up_to_the_limit() -> None:
    width = Width(8)
    assert told(width, *["clean"] * 20) == 8
    assert told(width, "overloaded") == 4
    assert [told(width, *["clean"] * width.now) for _ in range(6)] == [5, 6, 7, 8, 8, 8]
    assert width.to_json() == {"start": 8, "highest": 8, "lowest": 4, "back_offs": 1}


def test_one_failure_is_none_and_two_in_a_round_are_a_burst() -> None:
    width = Width(8)
    assert told(width, "strained", *["clean"] * 7, "strained", "clean") == 8
    assert told(width, "strained") == 4


def test_it_never_falls_below_one_and_comes_back() -> None:
    width = Width(4)
    assert told(width, *["overloaded"] * 5) == 1
    assert told(width, "clean") == 2
    assert width.to_json() == {"start": 4, "highest": 4, "lowest": 1, "back_offs": 5}


def test_what_was_sent_before_a_back_off_says_nothing_about_the_width_since() -> None:
    width = Width(16)
    for _ in range(16):
        width.note("overloaded", latency=1.0, admitted=0)
    assert (width.now, width.back_offs) == (8, 1)


def test_a_broken_connection_says_nothing() -> None:
    width = Width(2)
    assert told(width, *["none"] * 9) == 2


def test_above_its_start_it_grows_only_while_the_server_keeps_up() -> None:
    width = Width(2, 5)
    assert told(width, "clean", "clean") == 3
    assert told(width, *["clean"] * 3, latency=2.0) == 4
    assert told(width, *["clean"] * 40, latency=2.1) == 4
    assert told(width, *["clean"] * 40) == 5
    assert width.to_json() == {"start": 2, "highest": 5, "lowest": 2, "back_offs": 0}


async def test_the_gate_lets_in_what_the_width_says_in_order() -> None:
    gate, order = Gate(Width(2)), list[int]()

    async def pass_through(number: int) -> None:
        await gate.enter()
        order.append(number)
        await asyncio.sleep(0)
        gate.leave()

    await asyncio.gather(*(pass_through(number) for number in range(9)))
    assert order == list(range(9))


async def test_a_place_that_nobody_takes_is_not_lost() -> None:
    gate = Gate(Width(1))
    await gate.enter()
    waiting = [asyncio.create_task(gate.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # while it waits
    gate.leave()
    waiting[1].cancel()  # in the moment in which it is let in
    await asyncio.wait(waiting)
    assert [each.cancelled() for each in waiting] == [True, True, False]


def test_the_budget_ends_with_requests_lost_in_a_row_or_with_silence() -> None:
    budget = ErrorBudget(lost=3, silent=2)
    for _ in range(5):
        budget.lost("HTTP 503")
        budget.tried(replied=True, why="HTTP 503")
        budget.lost("HTTP 503")
        budget.answered()
    budget.lost("a")
    budget.lost("b")
    with pytest.raises(ModelServerFailed, match="3 requests in a row failed after all their tries, the last with: c"):
        budget.lost("c")
    budget.tried(replied=False, why="x")
    budget.tried(replied=False, why="x")
    with pytest.raises(ModelServerFailed, match="stopped answering: x"):
        budget.tried(replied=False, why="x")
