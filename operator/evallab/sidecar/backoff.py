"""How long to wait before the server is asked again: longer each time, never in step with other pods."""

import asyncio
import random
from collections.abc import Awaitable, Callable

FIRST_S, LONGEST_S = 0.25, 8.0


class Backoff:
    """The pauses of one conversation."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Begin with a short one."""
        self._sleep, self._next = sleep, FIRST_S

    async def pause(self, _asked: float = 0.0) -> None:
        """Wait, longer than the last time."""
        seconds = self._next * random.uniform(0.75, 1.25)  # noqa: S311 - only to differ from other pods
        self._next = min(LONGEST_S, self._next * 2)
        await self._sleep(seconds)

    def reset(self) -> None:
        """Begin anew: the server answered."""
        self._next = FIRST_S
