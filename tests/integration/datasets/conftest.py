"""A directory of snapshots, and a fetcher on it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integration.datasets.servers import Hub, Server, serving

from evallab.datasets import transfer
from evallab.datasets.fetching import Fetcher
from evallab.datasets.snapshots import Snapshots

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FILES = {
    "README.md": b"---\nconfigs:\n- config_name: main\n  data_files: [{split: test, path: data/test.jsonl}]\n---\n",
    "data/test.jsonl": b'{"question": "1+1?", "answer": "2"}\n' * 50,
    "data/train.jsonl": b'{"question": "2+2?", "answer": "4"}\n' * 50,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "datasets"


@pytest.fixture
def fetcher(root: Path) -> Fetcher:
    return Fetcher(snapshots=Snapshots(root), now=lambda: NOW)


@pytest.fixture
def hub() -> Hub:
    return Hub(large=frozenset({"data/test.jsonl"}))


@pytest.fixture
def storage(hub: Hub) -> Iterator[Server]:
    with serving(hub.stored) as server:
        hub.storage = server.url
        yield server


@pytest.fixture
def hub_server(hub: Hub, storage: Server) -> Iterator[Server]:
    with serving(hub.answer) as server:
        yield server


@pytest.fixture
def on_hub(root: Path, hub_server: Server) -> Fetcher:
    return Fetcher(snapshots=Snapshots(root), now=lambda: NOW, environ={"HF_ENDPOINT": hub_server.url})


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not wait between tries."""
    monkeypatch.setattr(transfer, "PAUSE_S", 0.001)
