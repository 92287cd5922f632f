"""Which key is due when, as a value without a clock: the rules of the work queue. `queue` adds time and workers.

A key is in it once, however often it is added; one that is being worked on is not given out a second time, but comes
again when something was added meanwhile; one that failed waits longer each time, and what is added then does not
shorten that, unless somebody changed what he asks for (`fresh`).
"""

import heapq
from dataclasses import dataclass, field
from typing import Literal

FIRST_S = 0.5
LONGEST_S = 30.0
Outcome = Literal["done", "failed"]


@dataclass
class Schedule:
    """Keys and when they are due."""

    _due: dict[str, float] = field(default_factory=dict)
    _heap: list[tuple[float, int, str]] = field(default_factory=list)  #: may hold entries that `_due` has left behind
    _busy: dict[str, float | None] = field(default_factory=dict)  #: and when each is due again
    _failures: dict[str, int] = field(default_factory=dict)
    _not_before: dict[str, float] = field(default_factory=dict)
    _fresh: set[str] = field(default_factory=set)  #: changed while they were worked on
    _count: int = 0

    def __len__(self) -> int:
        """How many keys wait, due or not."""
        return len(self._due) + sum(at is not None for at in self._busy.values())

    def waiting(self, now: float) -> int:
        """Return how many keys are due and nobody works on."""
        return sum(at <= now for at in self._due.values())

    def failures(self, key: str) -> int:
        """Return how often a key failed in a row."""
        return self._failures.get(key, 0)

    def add(self, key: str, at: float, *, fresh: bool = False) -> None:
        """Have a key worked on at a time, or earlier if it is due earlier; `fresh`: forget that it failed."""
        if fresh:
            self._failures.pop(key, None)
            self._not_before.pop(key, None)
        if key in self._busy:
            before = self._busy[key]
            self._busy[key] = at if before is None else min(before, at)
            self._fresh |= {key} if fresh else set()
            return
        at = max(at, self._not_before.get(key, at))
        if key not in self._due or at < self._due[key]:
            self._due[key] = at
            self._count += 1
            heapq.heappush(self._heap, (at, self._count, key))

    def take(self, now: float) -> str | None:
        """Return the key that has been due for longest; it is nobody else's until it is `done`."""
        at = self.next_at()
        if at is None or at > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._due[key]
        self._busy[key] = None
        return key

    def done(self, key: str, now: float, outcome: Outcome, *, again_in: float | None = None) -> None:
        """Say how the work on a key ended, and when to look at it again; a failed one comes again by itself."""
        added = self._busy.pop(key, None)
        fresh = key in self._fresh
        self._fresh.discard(key)
        self._not_before.pop(key, None)
        if outcome == "failed" and not fresh:
            count = self._failures[key] = self.failures(key) + 1
            again_in = min(LONGEST_S, FIRST_S * 2 ** min(count - 1, 10))
            self._not_before[key] = now + again_in
        elif outcome == "done":
            self._failures.pop(key, None)
        if added is not None:
            self.add(key, added)
        if again_in is not None:
            self.add(key, now + again_in)

    def next_at(self) -> float | None:
        """Return when the next key that nobody works on is due."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
