"""A server, and the command that goes to it; both know the same home, so that `--local` looks at the same jobs."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.acceptance.evalhub.conftest import configured, opened
from tests.acceptance.evalhub.running import Server
from tests.acceptance.remote.far import Far

Start = Callable[[], Far]


@pytest.fixture(scope="session")
def far() -> Iterator[Far]:
    """The command, with a server that tests share."""
    home = opened()
    server = Server(home=home, config=configured(home / "config")).start()
    yield Far(server)
    server.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def alone() -> Iterator[Far]:
    """The command, with a server of the test's own, to be stopped and started."""
    home = opened()
    server = Server(home=home, config=configured(home / "config")).start()
    yield Far(server)
    server.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A job of two quick benchmarks."""
    path = tmp_path / "evaljob.yaml"
    path.write_text(
        """\
apiVersion: evallab.dev/v1alpha1
kind: EvalJob
metadata: {name: far}
spec:
  model: {name: m, url: "http://127.0.0.1:9/v1", lineage: {family: fam, change: four bits}}
  retries: 0
  benchmarks:
  - {providerId: plain, id: a, weight: 3, parameters: {acc: 0.75, say: hello}}
  - {providerId: plain, id: b, parameters: {loss: 0.125}}
""",
        encoding="utf-8",
    )
    return path
