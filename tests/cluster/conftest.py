"""Real clusters: one with a node, one without (fake nodes), each started once per session, when a test asks for it.

Whatever ends the session, an error or Ctrl-C, what was started is taken down. README.md says how to use the fixtures.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cluster import images as making
from tests.cluster.images import TARGETS, Images
from tests.cluster.installation import Installed, install
from tests.cluster.postgres import Database
from tests.cluster.running import CACHE, Cluster, Failed, Place

COLD_S = 3600.0  # a first build on a small machine
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def _place(suffix: str = "", step: int = 0) -> Place:
    name = os.environ.get("EVALLAB_CLUSTER_NAME", "evallab")
    port = int(os.environ.get("EVALLAB_CLUSTER_PORT", "16440")) + step
    return Place(name=name + suffix, net=os.environ.get("EVALLAB_CLUSTER_NET", "10.77"), port=port)


@pytest.fixture(scope="session")
def programs() -> None:
    """What clusters consist of, built when it is not there yet."""
    _place().kit("build", "--apt", "kwok", "helm", "coredns", seconds=COLD_S)


@contextlib.contextmanager
def _running(place: Place, *options: str) -> Iterator[Cluster]:
    lock = CACHE / "run" / f"{place.name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.exit(f"Another session uses the cluster {place.name}: set EVALLAB_CLUSTER_NAME, _NET and _PORT.", 2)
        place.kit("down")  # what a killed session left
        try:
            place.kit("up", *options)
            yield Cluster(place)
        finally:
            place.kit("down")


@pytest.fixture(scope="session")
def cluster(programs: None) -> Iterator[Cluster]:
    """A cluster with one real node, network policies and DNS; needs root."""
    with _running(_place()) as running:
        yield running


@pytest.fixture(scope="session")
def nodeless(programs: None) -> Iterator[Cluster]:
    """A cluster whose eight nodes are simulated: pods "run" as annotations say; needs no root."""
    with _running(_place("-nl", step=10), "--nodeless", "--fake-nodes", "8") as running:
        yield running


@pytest.fixture(scope="session")
def base(cluster: Cluster) -> str:
    """An image with Debian and Python, for pods that need nothing of evallab."""
    cluster.place.kit("python-base", seconds=COLD_S)
    reference = making.current().base
    cluster.place.kit("load-image", reference, str(making.archive("python-base")))
    return reference


@pytest.fixture(scope="session")
def images(cluster: Cluster, base: str) -> Images:
    """The images of the Dockerfile, built from this checkout and loaded into the node."""
    cluster.place.kit("images", seconds=COLD_S)
    current = making.current()
    for target in TARGETS:
        reference = getattr(current, target.replace("-", "_"))
        cluster.place.kit("load-image", reference, str(making.archive(target)))
    return current


@pytest.fixture(scope="session")
def database(cluster: Cluster) -> Iterator[Database]:
    """A Postgres on this machine that pods reach."""
    made = Database.of(cluster)
    try:
        made.start()
        yield made
    finally:
        made.discard()


@pytest.fixture
def database_url(database: Database) -> str:
    """The URL of an empty database of this test's own, good on this machine and in pods."""
    return database.create()


@pytest.fixture(scope="session")
def evallab(
    cluster: Cluster, images: Images, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """The chart, installed as its page says."""
    return install(cluster, images, database.create(), tmp_path_factory.mktemp("chart"))


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of this test's own that admits restricted pods only; when the test fails, it is shown."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}})
    failures = request.session.testsfailed
    yield name
    if request.session.testsfailed > failures:
        print(_story(cluster, name))  # noqa: T201
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def _story(cluster: Cluster, namespace: str) -> str:
    """What happened in a namespace, for whoever reads about a failed test."""
    asked = (("get", "all,evaljobs", "--output", "wide"), ("get", "all", "--output", "wide"), ("get", "events"))
    said = []
    for words in asked:
        with contextlib.suppress(Failed):  # evaljobs are not known to every cluster
            said.append(cluster.kubectl(*words, namespace=namespace))
    with contextlib.suppress(Failed):
        said.append(cluster.kubectl("logs", "deployment/evallab-operator", "--tail=80", namespace="evallab"))
    return "\n".join(said)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let everything here count as slow, and what needs a real node be chosen by `-m node`."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.slow)
            if "cluster" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.node)
