"""The server's hand on the queue: it brings every job of its home to its end, as the background process does.

Made by `serving`. A job is marked before it is stored (`local.detached`), so the next server, and also a command of the
same user, finds it again. Handlers only say that something changed; whose turn it is the queue's rule decides.
"""

import asyncio
import logging
from collections import OrderedDict

from evallab.api.errors import StoreUnavailable
from evallab.engine.driver import LOOK_S
from evallab.engine.reconcile import Engine
from evallab.local.attending import Attendant
from evallab.local.detached import Detached

log = logging.getLogger(__name__)
PAUSE_S = 1.0  #: after a look that failed
REMEMBERED = 10_000  #: ends that events from outside declared


class Queueing:
    """Drives jobs until it is told to leave."""

    def __init__(self, attendant: Attendant, detached: Detached, engine: Engine) -> None:
        """Drive through the attendant."""
        self._attendant, self._detached, self._engine = attendant, detached, engine
        self._wake = asyncio.Event()
        self._over: OrderedDict[str, None] = OrderedDict()  #: jobs cancelled and attempts that declared their end

    def mark(self, job_id: str) -> None:
        """Say, before a job is stored, that it is this home's."""
        self._detached.add(job_id)

    def unmark(self, job_id: str) -> None:
        """Take that back: the job was not stored."""
        self._detached.remove(job_id)

    def submitted(self, job_id: str) -> None:
        """Say that a job waits for its turn."""
        self._over.pop(job_id, None)
        if self._attendant.has_room():
            self._attendant.drive(job_id)  # whether its turn has come, its driver asks the queue
        else:
            self._wake.set()

    def changed(self, job_id: str) -> None:
        """Say that a job was cancelled or deleted."""
        self._remember(job_id)
        self._wake.set()

    def has_room(self) -> bool:
        """Say whether a job that comes now would not wait."""
        return self._attendant.has_room()

    def drives(self, job_id: str) -> bool:
        """Say whether this server is bringing a job to its end now."""
        return self._attendant.drives(job_id)

    def declared(self, attempt_id: str) -> None:
        """Say that an event from outside declared the end of an attempt."""
        self._remember(attempt_id)

    def is_over(self, job_id: str, attempt_id: str) -> bool:
        """Say whether events for this attempt may have to be refused."""
        return job_id in self._over or attempt_id in self._over or not self._engine.is_open(attempt_id)

    async def attempt_by_hand(self, job_id: str, index: int) -> str:
        """Return the attempt that an event from outside speaks for, and see to its job from now on."""
        attempt_id = await self._engine.attempt_by_hand(job_id, index)
        self._attendant.drive(job_id)
        return attempt_id

    async def run(self) -> None:
        """Drive for ever; while Postgres is away, wait for it."""
        while True:
            self._wake.clear()
            try:
                await self._attendant.look()
            except StoreUnavailable as error:
                log.warning("waiting for Postgres", extra={"action": "look", "reason": str(error)})
                await asyncio.sleep(PAUSE_S)
                continue
            except Exception:  # one look that fails must not be the last one
                log.exception("the queue could not be looked at", extra={"action": "look"})
                await asyncio.sleep(PAUSE_S)
                continue
            await self._until_woken()

    async def leave(self) -> None:
        """Stop driving; what runs goes on."""
        await self._attendant.leave()

    async def _until_woken(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._wake.wait()
        except TimeoutError:
            return

    def _remember(self, known: str) -> None:
        self._over[known] = None
        while len(self._over) > REMEMBERED:
            self._over.popitem(last=False)
