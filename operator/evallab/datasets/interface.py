"""What `fetching` asks of a kind of source: which revision a name means, and its files. One module per kind."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from evallab.datasets.snapshots import Snapshots
from evallab.datasets.watch import Watch


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a fetch works with. `environ` holds addresses and proxies, never credentials."""

    snapshots: Snapshots
    watch: Watch
    environ: dict[str, str] = field(default_factory=dict)


class Origin(Protocol):
    """One source while it is fetched."""

    def resolve(self) -> str | None:
        """Return the commit that the revision means now; None where the source knows no commits."""

    def download(self, revision: str | None, into: Path) -> dict[str, Any]:
        """Put the files into a directory, and return what else is worth recording."""
