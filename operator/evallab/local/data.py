"""What fetches test data into a home, wired from the settings. Used by `lab` and by `evallab datasets`."""

from collections.abc import Mapping
from datetime import UTC, datetime

from evallab.datasets.fetching import Fetcher
from evallab.datasets.snapshots import Snapshots
from evallab.settings import Settings


def fetcher(settings: Settings, environ: Mapping[str, str]) -> Fetcher:
    """Return a fetcher; of `environ` it keeps addresses and proxies, and reads credentials from files only."""
    return Fetcher(
        snapshots=Snapshots(settings.datasets_dir),
        now=lambda: datetime.now(UTC),
        environ=dict(environ),
        offline=settings.offline,
    )
