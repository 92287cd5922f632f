"""How many requests may be under way: less when the server is overloaded, more when it keeps up. Used by `connection`.

Additive increase, multiplicative decrease. A round is as many replies as there may be requests under way. 429, or two
of 5xx and timeouts within a round, halve the width; a clean round widens it by one, up to the limit. Requests that were
sent before the last back-off say nothing about the width since. `Width` is pure; `Gate` lets that many in at a time.
"""

import asyncio
from collections import deque
from typing import Literal

from evallab.api.contract import Json

Signal = Literal["clean", "strained", "overloaded", "none"]
_BURST = 2  #: strained replies in a round that are one too many
_SLOWER = 2.0  #: above the width it began with, it widens only while rounds take less than this times the fastest


class Width:
    """The width now, and what became of it."""

    def __init__(self, start: int, limit: int | None = None) -> None:
        """Begin with `start`; never more than `limit` (default: `start`), never less than one."""
        self._start = start
        self._limit = max(start, limit or start)
        self.now = self.highest = self.lowest = start
        self.back_offs = 0
        self._fastest: float | None = None
        self._begin_round()

    def note(self, signal: Signal, *, latency: float, admitted: int) -> None:
        """Take in one reply; `admitted` is what `back_offs` was when its request was sent."""
        if signal == "none" or admitted != self.back_offs:
            return
        self._replies += 1
        self._latency += latency
        self._strained += signal == "strained"
        if signal == "overloaded" or self._strained >= _BURST:
            self._back_off()
        elif self._replies >= self.now:
            self._end_round()

    def to_json(self) -> Json:
        """Return what is recorded in the provenance."""
        return {"start": self._start, "highest": self.highest, "lowest": self.lowest, "back_offs": self.back_offs}

    def _back_off(self) -> None:
        self.now = max(1, self.now // 2)
        self.lowest = min(self.lowest, self.now)
        self.back_offs += 1
        self._begin_round()

    def _end_round(self) -> None:
        mean = self._latency / self._replies
        self._fastest = mean if self._fastest is None else min(mean, self._fastest)
        keeps_up = self.now < self._start or mean <= self._fastest * _SLOWER
        if not self._strained and keeps_up and self.now < self._limit:
            self.now += 1
            self.highest = max(self.highest, self.now)
        self._begin_round()

    def _begin_round(self) -> None:
        self._replies = self._strained = 0
        self._latency = 0.0


class Gate:
    """Lets as many through as the width says; whoever waited longest goes first."""

    def __init__(self, width: Width) -> None:
        """Begin empty."""
        self.width = width
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> int:
        """Wait for a place; return the number of back-offs so far, for `Width.note`."""
        if self._inside < self.width.now and not self._waiting:
            self._inside += 1
            return self.width.back_offs
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place  # whoever wakes us has counted us in
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # granted in the same moment
                self.leave()
            raise
        return self.width.back_offs

    def leave(self) -> None:
        """Give the place to whoever waits."""
        self._inside -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._inside < self.width.now:
            place = self._waiting.popleft()
            if not place.done():
                self._inside += 1
                place.set_result(None)
