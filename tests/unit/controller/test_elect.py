"""Leader election against a Lease in memory: who wins, who waits, who ends."""

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest

from evallab.controller.elect import DURATION_S, Election
from evallab.kubeapi.interface import AlreadyExists, Conflict, Kind, KubernetesUnavailable


@dataclass
class Leases:
    """One Lease, with versions as an API server has them."""

    lease: dict[str, Any] | None = None
    version: int = 0
    away: bool = False
    races: list[Any] = field(default_factory=list)  #: called once before a write

    async def get(self, *_: Kind | str | None) -> dict[str, Any] | None:
        if self.away:
            raise KubernetesUnavailable("it is away")
        return copy.deepcopy(self.lease)

    async def create(self, _: Kind, __: str | None, body: dict[str, Any]) -> dict[str, Any]:
        if self.lease is not None:
            raise AlreadyExists(409, "AlreadyExists", "")
        return self._kept(body)

    async def replace(self, _: Kind, __: str | None, ___: str, body: dict[str, Any]) -> dict[str, Any]:
        for race in self.races:
            race()
        self.races.clear()
        if body["metadata"]["resourceVersion"] != str(self.version):
            raise Conflict(409, "Conflict", "")
        return self._kept(body)

    def _kept(self, body: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.lease = copy.deepcopy(body)
        self.lease["metadata"]["resourceVersion"] = str(self.version)
        return copy.deepcopy(self.lease)


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _candidates(leases: Leases, clock: Clock) -> tuple[Election, Election]:
    made = [Election(leases, "ns", "lease", name, clock=clock) for name in ("one", "two")]  # type: ignore[arg-type]
    return made[0], made[1]


async def test_the_first_one_leads_and_the_second_waits(clock: Clock) -> None:
    one, two = _candidates(Leases(), clock)
    assert [await one._tried(), await two._tried(), one.leads, two.leads] == [True, False, True, False]


async def test_a_lease_that_nobody_renews_is_taken_over_only_after_its_time(clock: Clock) -> None:
    one, two = _candidates(Leases(), clock)
    await one._tried()
    early = [await two._tried()]
    clock.now += DURATION_S - 1
    early.append(await two._tried())
    clock.now += 2
    assert [early, await two._tried(), one.leads] == [[False, False], True, False]
    assert await one._tried(mine=True) is False


async def test_a_renewed_lease_is_never_taken(clock: Clock) -> None:
    one, two = _candidates(Leases(), clock)
    tries = []
    for _ in range(20):
        assert await one._tried(mine=True)
        tries.append(await two._tried())
        clock.now += DURATION_S / 3
    assert tries == [False] * 20


async def test_of_two_that_take_it_at_once_one_wins(clock: Clock) -> None:
    leases = Leases()
    one, two = _candidates(leases, clock)
    await one._tried()
    await two._tried()
    clock.now += DURATION_S + 1
    assert leases.lease is not None
    leases.races.append(lambda: leases._kept(leases.lease or {}))
    assert [await two._tried(), two.leads] == [False, False]


async def test_one_that_leaves_is_followed_at_once(clock: Clock) -> None:
    one, two = _candidates(Leases(), clock)
    await one._tried()
    await one.leave()
    assert [await two._tried(), one.leads] == [True, False]


async def test_without_an_api_server_leadership_ends_by_itself(clock: Clock) -> None:
    leases = Leases()
    one, _ = _candidates(leases, clock)
    await one._tried()
    leases.away = True
    clock.now += DURATION_S - 1
    before = (await one._tried(mine=True), one.leads)
    clock.now += 2
    assert (before, one.leads) == ((False, True), False)
