"""The store as one tenant sees it, for what looks over many jobs: newest scores, series, names. For `routes.standing`.

Jobs of "system" are everybody's, as in lists of jobs. Without a tenant (one computer) nothing is left out.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar, cast

from evallab.store.interface import HistoryRow, LatestRow, Store

Row = TypeVar("Row", bound=LatestRow)
AT_ONCE = 8  #: looks at jobs


def tenanted(store: Store, tenant: str | None) -> Store:
    """Return the store without the scores of others."""
    return store if tenant is None else cast("Store", _Tenanted(store, tenant))


class _Tenanted:
    """Everything else goes to the store itself."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store, self._tenant, self._seen = store, tenant, dict[str, bool]()
        self._turns = asyncio.Semaphore(AT_ONCE)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def latest(self, benchmarks: Sequence[str] | None = None) -> list[LatestRow]:
        """Return the newest usable scores of this tenant."""
        return await self._own(await self._store.latest(benchmarks))

    async def history(self, name: str, benchmark: str, *, family: bool = False) -> list[HistoryRow]:
        """Return the scores of this tenant's jobs."""
        return await self._own(await self._store.history(name, benchmark, family=family))

    async def names(self) -> list[str]:
        """Return no name: those of models are not a tenant's own."""
        return []

    async def _own(self, rows: list[Row]) -> list[Row]:
        unseen = {row.job_id for row in rows} - self._seen.keys()
        self._seen |= dict(zip(unseen, await asyncio.gather(*map(self._may_see, unseen)), strict=True))
        return [row for row in rows if self._seen[row.job_id]]

    async def _may_see(self, job_id: str) -> bool:
        async with self._turns:
            found = await self._store.stamp(job_id)
        return found is not None and (found.tenant == self._tenant or found.owner == "system")
