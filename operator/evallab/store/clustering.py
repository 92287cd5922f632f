"""What cluster mode asks the store: what pods leave behind, and being told of it; a part of `interface.Store`.

In a cluster no file system is shared, so what an attempt leaves travels through Postgres: a sidecar hands its files in
piece by piece (`put_leaving`) and says that this was all (`seal`); the operator reads them, and the next attempt of the
benchmark gets what it needs to go on. Implemented by `store.leavings` and `store.changes`.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal, Protocol

from evallab.store.values import AttemptRow, JobRow, Json, LeavingRow

Put = Literal["kept", "full", "unwanted"]  #: what became of a piece; none is wanted once sealed, or of a deleted job
LEAVINGS_LIMIT = 2 << 30  #: bytes that one attempt may leave, unless a setting says otherwise
PIECES_LIMIT = 1 << 16  #: pieces that these may have


class Clustering(Protocol):
    """What pods leave, and who is told."""

    async def attempt(self, attempt_id: str) -> tuple[JobRow, AttemptRow] | None:
        """Return an attempt with its job, also of a deleted one; None when there is no such attempt."""

    async def put_leaving(
        self, attempt_id: str, area: str, name: str, start: int, content: bytes, *, limit: int = LEAVINGS_LIMIT
    ) -> Put:
        """Keep a piece of a file that an attempt leaves. Another piece from the same byte replaces it.

        Raises NotFound when there is no such attempt.
        """

    async def leavings(self, attempt_id: str) -> list[LeavingRow]:
        """Return what an attempt left so far, by area and name; `bytes` counts up to the first gap."""

    def read_leaving(self, attempt_id: str, area: str, name: str) -> AsyncIterator[bytes]:
        """Yield the content of a file that an attempt left, piece by piece, up to its first gap."""

    async def work_before(self, attempt_id: str) -> tuple[str, list[LeavingRow]] | None:
        """Return what there is to go on from: the earlier attempt of the same benchmark and its files of area "work".

        Of several the one that left most, else the newest: one that was stopped while it handed in what it had been
        given itself must not take away what there was before. None when nothing was left.
        """

    async def seal(self, attempt_id: str, body: Json, *, now: datetime) -> list[tuple[str, str]]:
        """Note that an attempt left exactly the files that `body` names, and return []; its other pieces go.

        Else return (area, name) of what is not there as `body` says (its bytes, its sha256), to be handed in anew.
        Sealing twice changes nothing. Raises NotFound when there is no such attempt.
        """

    async def sealed(self, attempt_id: str) -> Json | None:
        """Return what an attempt was sealed with, or None."""

    async def drop_leavings(self, job_id: str) -> None:
        """Forget what the attempts of a job left. That they were sealed stays known."""

    async def sweep_blobs(self) -> None:
        """Remove the files that replicas share and no row needs; those kept within the hour stay."""

    async def set_suspended(self, job_id: str, suspended: bool, *, actor: str, now: datetime) -> None:  # noqa: FBT001
        """Say whether a job is to wait, with what it has, or to go on; audited. Raises NotFound."""

    async def set_priority(self, job_id: str, priority: int, *, actor: str, now: datetime) -> None:
        """Change how early a job is served, also in its spec; audited. Raises NotFound."""

    def listen(self) -> AsyncIterator[str]:
        """Yield "" whenever listening begins (look at everything), then ids of jobs of the cluster that changed.

        They got events, were sealed, or somebody asked something of them. Best effort, poll behind it.
        """
