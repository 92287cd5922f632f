"""Tokens of attempts, and a real API server: only one made for that attempt, in its job's namespace, speaks for it."""

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator

import pytest
from tests.cluster.running import Cluster

from evallab.kubeapi.client import KubernetesApi
from evallab.kubeapi.interface import Json, Kind
from evallab.server.attempts.bearers import KNOWN_S, UNKNOWN_S, KubernetesBearers, audience

ATTEMPT = "1b6c5f0e-0001"


class Counting:
    """The API server, and how often it was asked."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api, self.asked = api, 0

    async def create(self, kind: Kind, namespace: str | None, body: Json, *, dry_run: bool = False) -> Json:
        self.asked += 1
        return await self._api.create(kind, namespace, body, dry_run=dry_run)


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def tenants(nodeless: Cluster) -> tuple[str, str]:
    """Two namespaces."""
    made = (f"one-{secrets.token_hex(4)}", f"two-{secrets.token_hex(4)}")
    for name in made:
        nodeless.kubectl("create", "namespace", name)
        nodeless.kubectl("create", "serviceaccount", "runner", namespace=name)
    return made


@pytest.fixture
async def api(nodeless: Cluster) -> AsyncIterator[Counting]:
    """The API server."""
    real = await nodeless.api()
    yield Counting(real)
    await real.close()


def token(cluster: Cluster, namespace: str, *audiences: str) -> str:
    asked = [f"--audience={each}" for each in audiences]
    return cluster.kubectl("create", "token", "runner", *asked, namespace=namespace).strip()


async def test_only_a_token_made_for_the_attempt_speaks_for_it(
    nodeless: Cluster, tenants: tuple[str, str], api: Counting
) -> None:
    one, two = tenants
    bearers = KubernetesBearers(api)  # type: ignore[arg-type]
    mine = token(nodeless, one, audience(ATTEMPT))
    shown = {
        "mine": (mine, one),
        "another namespace": (token(nodeless, two, audience(ATTEMPT)), one),
        "another attempt": (token(nodeless, one, audience("another")), one),
        "the API server": (token(nodeless, one), one),
        "changed": (mine[:-8] + "AAAAAAAA", one),
        "not a token": ("token", one),
        "not ASCII": ("tök", one),
        "endless": ("a" * 100_000, one),
        "mine for another tenant": (mine, two),
    }
    admitted = [name for name, (each, tenant) in shown.items() if await bearers.admits(ATTEMPT, each, tenant)]
    assert admitted == ["mine"]


async def test_answers_are_remembered_for_a_while(nodeless: Cluster, tenants: tuple[str, str], api: Counting) -> None:
    clock = Clock()
    bearers = KubernetesBearers(api, clock=clock)  # type: ignore[arg-type]
    mine = token(nodeless, tenants[0], audience(ATTEMPT))
    asked = []
    for after in (0, KNOWN_S - 1, 2):
        clock.now += after
        assert await bearers.admits(ATTEMPT, mine, tenants[0])
        asked.append(api.asked)
    for after in (0, UNKNOWN_S - 1, 2):
        clock.now += after
        assert not await bearers.admits(ATTEMPT, "wrong", tenants[0])
        asked.append(api.asked)
    assert asked == [1, 1, 2, 3, 3, 4]


async def test_a_token_dies_with_its_account(nodeless: Cluster, tenants: tuple[str, str], api: Counting) -> None:
    clock = Clock()
    bearers = KubernetesBearers(api, clock=clock)  # type: ignore[arg-type]
    mine = token(nodeless, tenants[0], audience(ATTEMPT))
    assert await bearers.admits(ATTEMPT, mine, tenants[0])
    nodeless.kubectl("delete", "serviceaccount", "runner", namespace=tenants[0])
    async with asyncio.timeout(60):  # the API server remembers for some seconds itself
        while await bearers.admits(ATTEMPT, mine, tenants[0]):
            clock.now += KNOWN_S + 1
            await asyncio.sleep(0.5)


async def test_an_audience_is_the_attempt(nodeless: Cluster, tenants: tuple[str, str]) -> None:
    said = token(nodeless, tenants[0], audience(ATTEMPT)).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(said + "=="))
    assert claims["aud"] == [f"evallab/attempt/{ATTEMPT}"]
