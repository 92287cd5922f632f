"""Tells the receiver how an attempt goes, without ever slowing the attempt down or failing it. Used by `running`.

One thread posts in order. Progress is throttled and coalesced: only the newest waits, and the newest is always posted
before the phase or the final event that follows it.
"""

import threading
import time
from collections import deque
from datetime import datetime

from evallab.adapter.callback import Callback
from evallab.adapter.pace import Pace
from evallab.api.contract import Phase, Progress, StatusEvent

_FINAL_PAUSES = (0.2, 0.5, 1.0, 2.0)


class Reporter:
    """Queue and thread between an adapter and its callback URL."""

    def __init__(self, callback: Callback, started_at: datetime, *, interval: float = 0.5) -> None:
        """Start the thread; `interval` is the least time between two progress events."""
        self._callback = callback
        self._started_at = started_at
        self._interval = interval
        self._pace = Pace()
        self._queue: deque[StatusEvent] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="events", daemon=True)
        self._thread.start()

    def phase(self, phase: Phase) -> None:
        """Say which phase begins."""
        self._put(self._running(phase=phase))

    def progress(self, done: int, total: int) -> None:
        """Say how far the questions are."""
        rate = self._pace.record(done, time.monotonic())
        progress = Progress(done=done, total=total, samples_per_minute=rate)
        self._put(self._running(phase="running_evaluation", progress=progress))

    def finish(self, event: StatusEvent, *, patience: float = 10.0) -> bool:
        """Post what is waiting (for at most `patience` seconds), then the final event; return whether it was taken."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(patience)
        return self._callback.deliver(event, pauses=_FINAL_PAUSES)

    def _running(self, *, phase: Phase, progress: Progress | None = None) -> StatusEvent:
        spec = self._callback.spec
        return StatusEvent(
            provider_id=spec.provider_id,
            id=spec.benchmark_id,
            benchmark_index=spec.benchmark_index,
            status="running",
            phase=phase,
            started_at=self._started_at,
            progress=progress,
        )

    def _put(self, event: StatusEvent) -> None:
        with self._changed:
            if event.progress and self._queue and self._queue[-1].progress:
                self._queue[-1] = event
            else:
                self._queue.append(event)
            self._changed.notify()

    def _work(self) -> None:
        last = -self._interval
        while (event := self._next(last + self._interval)) is not None:
            if event.progress:
                last = time.monotonic()
            self._callback.deliver(event, pauses=() if event.progress else None)

    def _next(self, not_before: float) -> StatusEvent | None:
        """Wait for an event; a lone progress event waits for its time, unless something follows it."""
        with self._changed:
            while True:
                if not self._queue:
                    if self._closing:
                        return None
                    self._changed.wait()
                    continue
                wait = not_before - time.monotonic()
                if self._closing or len(self._queue) > 1 or not self._queue[0].progress or wait <= 0:
                    return self._queue.popleft()
                self._changed.wait(wait)
