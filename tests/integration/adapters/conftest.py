"""One reference server for all tests of adapters, and a receiver of events for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.adapters.attempts import AttemptDirectory
from tests.integration.adapters.servers import Recording, receiving, reference_server

NewAttempt = Callable[..., AttemptDirectory]


@pytest.fixture(scope="session")
def reference() -> Iterator[str]:
    """The reference server's URL."""
    with reference_server() as url:
        yield url


@pytest.fixture
def receiver() -> Iterator[Recording]:
    """A receiver of events."""
    with receiving() as recording:
        yield recording


@pytest.fixture
def attempt(tmp_path: Path, reference: str, receiver: Recording) -> NewAttempt:
    """Make an attempt: `attempt(benchmark, url=…, more=…, **parameters)`."""

    def new(benchmark: str, *, url: str = reference, more: Any = None, **parameters: Any) -> AttemptDirectory:
        return AttemptDirectory(tmp_path, benchmark, url, receiver.url, parameters, more or {})

    return new
