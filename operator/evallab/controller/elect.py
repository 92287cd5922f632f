"""Who of several operators works: the one that holds a Lease. The others wait, and answer their probes.

The clock that decides is this process's own: a Lease has expired when it did not change for `DURATION_S` while we
looked, whatever times are written in it. Whoever cannot renew his within `DEADLINE_S` ends before others may take it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from evallab.api.errors import EvallabError
from evallab.kubeapi.interface import LEASE, AlreadyExists, ClusterApi, Conflict, KubernetesUnavailable, Refused

log = logging.getLogger(__name__)
DURATION_S = 15.0
DEADLINE_S = 10.0
EVERY_S = 2.0  #: expiry is seen within twice this time: 19 s after the last renewal at the latest
Json = dict[str, Any]


class LeadershipLost(EvallabError):
    """Another operator may work from now on, so this one ends."""

    code = "leadership_lost"


@dataclass
class Watched:
    """What was seen of somebody else's Lease, and since when it has not changed."""

    seen: tuple[str, str] = ("", "")
    since: float = 0.0

    def expired(self, holder: str, renewed: str, now: float) -> bool:
        """Say whether whoever holds the Lease has not renewed it for long enough; "" holds nothing."""
        if not holder:
            return True
        if (holder, renewed) != self.seen:
            self.seen, self.since = (holder, renewed), now
        return now - self.since > DURATION_S


@dataclass
class Election:
    """One candidate."""

    api: ClusterApi
    namespace: str
    name: str
    identity: str
    clock: Callable[[], float] = time.monotonic
    _watched: Watched = field(default_factory=Watched)
    _held_at: float = float("-inf")

    @property
    def leads(self) -> bool:
        """Say whether nobody else can hold the Lease now."""
        return self.clock() - self._held_at < DURATION_S

    async def win(self) -> None:
        """Wait until the Lease is ours."""
        while not await self._tried():  # noqa: ASYNC110 - the Lease is on another machine
            await asyncio.sleep(EVERY_S)
        log.info("leads", extra={"action": "elect", "identity": self.identity})

    async def hold(self) -> None:
        """Renew the Lease for ever. Raises LeadershipLost."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                async with asyncio.timeout(DEADLINE_S):
                    held = await self._tried(mine=True)
            except TimeoutError:
                held = False
            if not held and self.clock() - self._held_at > DEADLINE_S:
                raise LeadershipLost(f"The Lease {self.namespace}/{self.name} could not be renewed.")

    async def leave(self) -> None:
        """Give the Lease back, so that nobody waits for it to expire. Best effort."""
        if not self.leads:
            return
        try:
            lease = await self.api.get(LEASE, self.namespace, self.name)
            if lease and lease["spec"].get("holderIdentity") == self.identity:
                lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                await self.api.replace(LEASE, self.namespace, self.name, lease)
        except (KubernetesUnavailable, Refused):
            pass
        self._held_at = float("-inf")

    async def _tried(self, *, mine: bool = False) -> bool:
        """Take or renew the Lease; `mine`: it was ours, so anybody else in it means that it is lost."""
        began = self.clock()
        try:
            lease = await self.api.get(LEASE, self.namespace, self.name)
            if lease is None:
                await self.api.create(LEASE, self.namespace, self._new())
            elif not await self._taken(lease, mine=mine):
                return False
        except (AlreadyExists, Conflict):
            return False
        except (KubernetesUnavailable, Refused) as error:
            log.warning("the Lease is out of reach", extra={"action": "elect", "reason": str(error)})
            return False
        self._held_at = began
        return True

    async def _taken(self, lease: Json, *, mine: bool) -> bool:
        spec = lease.setdefault("spec", {})
        holder = spec.get("holderIdentity") or ""
        if holder != self.identity:
            if mine:
                self._held_at = float("-inf")
                return False
            if not self._watched.expired(holder, spec.get("renewTime") or "", self.clock()):
                return False
            spec |= {"acquireTime": _now(), "leaseTransitions": (spec.get("leaseTransitions") or 0) + 1}
        spec |= {"holderIdentity": self.identity, "renewTime": _now(), "leaseDurationSeconds": int(DURATION_S)}
        await self.api.replace(LEASE, self.namespace, self.name, lease)
        return True

    def _new(self) -> Json:
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {
                "holderIdentity": self.identity,
                "acquireTime": _now(),
                "renewTime": _now(),
                "leaseDurationSeconds": int(DURATION_S),
                "leaseTransitions": 0,
            },
        }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
