"""Owns the mailbox of a home until it is killed: `python owner.py HOME`. Its store is never there.

Writes the callback URL and the token of the attempt `a1` on one line each.
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from evallab.api.contract import JobSpec, JobSpecModel
from evallab.api.errors import StoreUnavailable
from evallab.receiver.mailbox import receiving_by_mailbox
from evallab.store.interface import EventRow

SPEC = JobSpec(
    id="job-1",
    provider_id="lm_evaluation_harness",
    benchmark_id="sums",
    benchmark_index=0,
    model=JobSpecModel(name="m"),
    parameters={},
    callback_url="",
)


class Away:
    """A store that cannot be reached."""

    async def add_events(self, events: Sequence[EventRow]) -> frozenset[str]:
        raise StoreUnavailable(f"{len(events)} events")


async def own(home: Path) -> None:
    async with receiving_by_mailbox(home, Away(), stored=print, now=lambda: datetime.now(UTC)) as receiver:
        token = receiver.expect("a1", SPEC)
        sys.stdout.write(f"{receiver.callback_url('a1')}\n{token}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(own(Path(sys.argv[1])))
