"""What a server asks the store about what goes on; a part of `interface.Store`, implemented by `store.activity`."""

from collections.abc import Sequence
from typing import Protocol

from evallab.store.serving import Activity, ArrivedEvent


class Going(Protocol):
    """What goes on (`store.activity`)."""

    async def events_after(self, job_id: str, arrival: int, *, limit: int) -> list[ArrivedEvent]:
        """Return the events of a job that arrived after that one, in the order of arrival; 0 is before the first."""

    async def pulse(self, job_id: str) -> str | None:
        """Return a text that changes whenever a client could see a difference in the job; None without such a job."""

    async def activity(self) -> Activity:
        """Count what waits and runs; also how one asks whether Postgres answers."""

    async def not_detached(self, job_ids: Sequence[str]) -> frozenset[str]:
        """Return which of these jobs nobody drives in the background: they ended, or a command drives them."""
