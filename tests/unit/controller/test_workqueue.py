"""Workers on the queue: one per key, many at once, and nobody waits for a bad one."""

import asyncio
from collections import Counter

from evallab.controller.schedule import Outcome
from evallab.controller.workqueue import WorkQueue


async def _until(condition: asyncio.Event) -> None:
    async with asyncio.timeout(20):
        await condition.wait()


async def test_one_bad_key_delays_no_other() -> None:
    queue, all_seen, seen = WorkQueue(), asyncio.Event(), set[str]()

    async def work(key: str) -> float | None:
        if key == "hangs":
            await asyncio.Event().wait()
        if key == "fails":
            raise ValueError(key)
        seen.add(key)
        if len(seen) == 50:
            all_seen.set()
        return None

    for key in ("hangs", "fails", *map(str, range(50))):
        queue.add(key)
    running = asyncio.create_task(queue.run(work, workers=2))
    await _until(all_seen)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert seen == set(map(str, range(50)))


async def test_never_two_workers_on_one_key() -> None:
    queue, enough = WorkQueue(), asyncio.Event()
    at_once, most, looks = Counter[str](), Counter[str](), 0

    async def work(key: str) -> float | None:
        nonlocal looks
        at_once[key] += 1
        most[key] = max(most[key], at_once[key])
        queue.add(key)
        await asyncio.sleep(0)
        at_once[key] -= 1
        looks += 1
        if looks > 500:
            enough.set()
        return None

    for key in "abc":
        queue.add(key)
    running = asyncio.create_task(queue.run(work, workers=16))
    await _until(enough)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert most == {"a": 1, "b": 1, "c": 1}


async def test_how_work_ended_is_told_and_it_comes_back_when_it_asked_to() -> None:
    queue, twice = WorkQueue(), asyncio.Event()
    told: list[tuple[str, Outcome]] = []

    async def work(key: str) -> float | None:
        return 0.0

    def ended(key: str, outcome: Outcome, seconds: float) -> None:
        assert seconds >= 0
        told.append((key, outcome))
        if len(told) == 2:
            twice.set()

    queue.add("a")
    running = asyncio.create_task(queue.run(work, ended=ended))
    await _until(twice)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert told[:2] == [("a", "done"), ("a", "done")]
    assert queue.longest_s < 20
