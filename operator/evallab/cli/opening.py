"""The store, opened for the time of one command. The only place where a command meets `asyncio` and the database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from evallab.local import background
from evallab.settings import Settings
from evallab.store.connection import open_store
from evallab.store.interface import Store

T = TypeVar("T")


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    """Open the store that the settings name, the embedded one if they name none. Raises StoreUnavailable.

    Where detached jobs are left whose background process was killed, another one goes on with them.
    """
    store = await open_store(url=settings.database_url, home=settings.home)
    background.ensure(settings)
    try:
        yield store
    finally:
        await store.close()


def asked(settings: Settings, question: Callable[[Store], Awaitable[T]]) -> T:
    """Ask the store one thing and return the answer: what a synchronous command calls."""

    async def answer() -> T:
        async with opened(settings) as store:
            return await question(store)

    return asyncio.run(answer())
