"""A fixed number of workers over any number of items. Used by `client` and by adapters that probe servers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


async def each(
    items: Iterable[Item], do: Callable[[Item], Awaitable[None]], *, at_once: int, apart: float = 0.0
) -> None:
    """Do something for each item, `at_once` at a time; the first failure ends the others and is raised as itself.

    Workers begin `apart` seconds after each other: what began in one instant would go on in bursts.
    """
    waiting = iter(items)

    async def work(number: int) -> None:
        await asyncio.sleep(number * apart)
        for item in waiting:
            await do(item)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(at_once):
                group.create_task(work(number))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
