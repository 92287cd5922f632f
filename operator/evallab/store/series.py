"""The store's methods that look along time and across models: history and leaderboard."""

from collections.abc import Sequence

from evallab.store.interface import HistoryRow, LatestRow
from evallab.store.part import Part
from evallab.store.transactions import Record


class Series(Part):
    """Primary scores of jobs that have ended."""

    async def latest(self, benchmarks: Sequence[str] | None = None) -> list[LatestRow]:
        """Return the newest usable scores by benchmark, model and question key; of all, or of some as provider/id."""
        asked = None if benchmarks is None else list(benchmarks)
        return [_latest(each) for each in await self._all("list_latest", benchmarks=asked)]

    async def history(self, name: str, benchmark: str, *, family: bool = False) -> list[HistoryRow]:
        """Return the scores of a model or family on a benchmark (id, or provider/id), oldest first."""
        found = await self._all("list_history", name=name, benchmark=benchmark, family=family)
        return [HistoryRow(**each) for each in found]

    async def names(self) -> list[str]:
        """Return the names of all models and families."""
        return sorted(str(each["name"]) for each in await self._all("models_or_families"))


def _latest(record: Record) -> LatestRow:
    """Return a record as a row, as it is: a leaderboard has thousands, and a frozen class's own way is slow."""
    row = object.__new__(LatestRow)
    row.__dict__.update(record)
    return row
