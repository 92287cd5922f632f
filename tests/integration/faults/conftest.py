"""A lab of real parts for each test: a home of its own, a database of its own."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.integration.faults.jobs import CATALOG, environ

from evallab.local.lab import Lab, open_lab
from evallab.settings import Settings


@pytest.fixture
def home() -> Iterator[Path]:
    """A home with a short path that any account may enter."""
    path = Path(tempfile.mkdtemp(prefix="evallab-faults-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def settings(home: Path, database_url: str) -> Settings:
    """Settings that name them."""
    return Settings(home=home, jobs_dir=home / "jobs-dir", config_dir=home, database_url=database_url)


@pytest.fixture
async def lab(settings: Settings) -> AsyncIterator[Lab]:
    """An open lab."""
    async with open_lab(settings, CATALOG, environ=environ()) as lab:
        yield lab
