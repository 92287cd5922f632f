"""Replicas of one server, who asks them, and what they share with the operator; one set for this folder."""

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg import sql
from tests.cluster.operating import Operators, operators, until
from tests.cluster.running import Cluster
from tests.cluster.server.replicas import CRDS, Replica, Shared, Start, Tenant

from evallab.store import embedded
from evallab.store.artifacts import ArtifactFiles
from evallab.store.blobs import Blobs
from evallab.store.connection import open_store
from evallab.store.postgres import PostgresStore


@pytest.fixture(scope="package")
def home() -> Iterator[Path]:
    """A folder that also the account which runs Postgres may enter."""
    path = Path(tempfile.mkdtemp(prefix="evallab-replicas-"))
    path.chmod(0o755)
    yield path
    embedded.stop(path / "postgres")
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="package")
def database(home: Path) -> Iterator[str]:
    """An empty database; the connection keeps the server from leaving."""
    (home / "postgres").mkdir(mode=0o755)
    url = embedded.ensure(home / "postgres")
    name = f"cluster_{secrets.token_hex(4)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlsplit(url)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="package")
def known(nodeless: Cluster) -> Cluster:
    """The cluster, which knows EvalJobs."""
    nodeless.kubectl("apply", "--server-side", "--force-conflicts", "--filename", str(CRDS))
    conditions = lambda: ((nodeless.get("crd", "evaljobs.evallab.dev") or {}).get("status") or {}).get("conditions")  # noqa: E731
    until(conditions, what="conditions")  # `kubectl wait` fails while there are none
    nodeless.wait("crd/evaljobs.evallab.dev", "condition=Established")
    return nodeless


@pytest.fixture(scope="package")
def start(known: Cluster, home: Path, database: str) -> Iterator[Start]:
    """Start replicas of one server."""
    replicas: list[Replica] = []

    def new(**fields: Any) -> Replica:
        place = home / f"replica-{len(replicas)}"
        place.mkdir()
        replicas.append(Replica(cluster=known, home=place, database_url=database, **fields))
        return replicas[-1].start()

    yield new
    for each in replicas:
        if each.process is not None and each.process.poll() is None:
            each.stop()


@pytest.fixture(scope="package")
def one(start: Start) -> Replica:
    return start()


@pytest.fixture(scope="package")
def two(start: Start, one: Replica) -> Replica:
    return start()


@pytest.fixture(scope="package")
def tenant(known: Cluster) -> Tenant:
    return Tenant.made(known)


@pytest.fixture
def client(tenant: Tenant, one: Replica) -> Iterator[httpx.Client]:
    with tenant.client(one) as asking:
        yield asking


@pytest.fixture
def other(tenant: Tenant, two: Replica) -> Iterator[httpx.Client]:
    """The same user, asking the other replica."""
    with tenant.client(two) as asking:
        yield asking


@pytest.fixture
async def store(database: str, one: Replica, home: Path) -> AsyncIterator[PostgresStore]:
    """The store of the replicas, in the role of the operator."""
    async with open_store(url=database, home=home) as opened:
        yield opened


@pytest.fixture
def shared(store: PostgresStore, database: str, tmp_path: Path) -> Shared:
    return Shared(store, ArtifactFiles(tmp_path / "artifacts", Blobs(database)))


@pytest.fixture
def team(known: Cluster) -> Tenant:
    """A tenant of this test's own."""
    return Tenant.made(known)


@pytest.fixture
def asking(team: Tenant, one: Replica) -> Iterator[httpx.Client]:
    """That tenant's user."""
    with team.client(one) as client:
        yield client


@pytest.fixture
def running(team: Tenant, known: Cluster, database: str, tmp_path: Path) -> Iterator[Operators]:
    """An operator of that tenant's namespace, on the database of the replicas."""
    with operators(known, team.name, database, tmp_path) as made:
        operator = made.start()
        until(lambda: operator.leads, what="leading")
        yield made
