"""Events and turns where pods do the work: nothing waits in this process, and whose turn it is the operator knows.

An attempt's own sidecar reports at its door (`server.attempts`). What is posted to a job itself, as EvalHub's clients
do, is given to the attempt that runs; where none does, nobody can speak for one.
"""

import uuid
from collections.abc import Callable
from datetime import datetime

from evallab.api.contract import StatusEvent
from evallab.api.evalhub.errors import ApiError
from evallab.server.views.benchmark import ENDED
from evallab.store.interface import EventRow, Store

NOBODY = (
    "Benchmark {index} of job {job} has no attempt that runs, so nothing can be reported of it; its pod has to start"
)


class NoQueue:
    """The queue is the operator's."""

    def __init__(self, store: Store) -> None:
        """Ask this store for attempts."""
        self._store = store

    def has_room(self) -> bool:
        """Nobody here knows: the store has to be asked how many wait."""
        return False

    def drives(self, job_id: str) -> bool:
        """The operator does."""
        del job_id
        return False

    def declared(self, attempt_id: str) -> None:
        """The operator hears it from the store."""

    def is_over(self, job_id: str, attempt_id: str) -> bool:
        """What is over is to be asked of the store."""
        del job_id, attempt_id
        return True

    async def attempt_by_hand(self, job_id: str, index: int) -> str:
        """Return the attempt of a benchmark that runs. Raises ApiError where none does."""
        snapshot = await self._store.snapshot(job_id)
        own = [each for each in snapshot.attempts if each.index == index and each.state not in ENDED]
        if not own:
            raise ApiError("not_supported", reason=f"{NOBODY.format(index=index, job=job_id)}.")
        return own[-1].id


class Inbox:
    """Events go into the store as they come."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        """Keep them in this store."""
        self._store, self._now = store, now

    def attempt_of(self, job_id: str, provider_id: str, benchmark_id: str, index: int) -> str | None:
        """Only the store knows."""
        del job_id, provider_id, benchmark_id, index
        return None

    def fence(self, attempt_id: str, job_id: str, authorization: str | None) -> object:
        """Nobody has a token for this way: attempts have a door of their own."""
        del attempt_id, job_id, authorization
        raise ApiError("invalid_callback_token")

    async def post(self, attempt_id: str, event: StatusEvent) -> None:
        """Keep an event; its arrival wakes the operator. Raises ApiError."""
        body = event.model_dump(mode="json", exclude_none=True)
        row = EventRow(id=uuid.uuid4().hex, attempt_id=attempt_id, received_at=self._now(), body=body)
        if await self._store.add_events([row]):
            raise ApiError("resource_not_found", kind="attempt", id=attempt_id)

    def pending(self) -> bool:
        """Nothing waits here."""
        return False

    async def settle(self) -> None:
        """Everything that arrived is in the store."""
