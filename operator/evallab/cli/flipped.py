"""The answers of one benchmark that changed, with their texts, read a page at a time. Called by `evallab diff`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evallab.cli.texts import Texts
from evallab.reporting.changes import KINDS, Flip, Kind, flips
from evallab.reporting.texts import Key
from evallab.store.interface import ComparisonRow, SampleRow, Store

PAGE = 256


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which changes, and how many of them are shown of each benchmark."""

    kinds: frozenset[Kind] = frozenset(KINDS)
    limit: int


@dataclass(frozen=True, kw_only=True)
class Changed:
    """The answers that are shown of one benchmark, and how many there are in all."""

    index: int
    shown: tuple[Flip, ...]
    count: int


async def changed(store: Store, texts: Texts, row: ComparisonRow, wanted: Wanted) -> Changed:
    """Return the first changes with their texts. All texts are read only where the numbers cannot tell a change."""
    sides = await _sides(store, texts, row)
    shown: list[Flip] = []
    count = 0
    for page in _pages([flip for flip in await _flips(store, row) if flip.kind in wanted.kinds]):
        needed = len(shown) < wanted.limit or any(flip.kind == "changed" for flip in page)
        told = await sides.told(page) if needed else page
        kept = [flip for flip in told if flip.kind != "changed" or not flip.reads_the_same]
        count += len(kept)
        shown += kept[: wanted.limit - len(shown)]
    return Changed(index=row.index, shown=tuple(shown), count=count)


@dataclass(frozen=True, kw_only=True)
class _Side:
    """One job's answers: where the texts of each lie."""

    texts: Texts
    job_id: str
    index: int
    rows: Mapping[Key, SampleRow]

    async def of(self, page: Sequence[Flip]) -> list[dict[str, Any]]:
        rows = [self.rows[flip.doc_id, flip.repeat] for flip in page]
        return await self.texts.of(self.job_id, self.index, rows)


@dataclass(frozen=True, kw_only=True)
class _Sides:
    before: _Side
    after: _Side

    async def told(self, page: Sequence[Flip]) -> list[Flip]:
        old, new = await self.before.of(page), await self.after.of(page)
        return [flip.told(was, now) for flip, was, now in zip(page, old, new, strict=True)]


async def _sides(store: Store, texts: Texts, row: ComparisonRow) -> _Sides:
    async def side(job_id: str, index: int) -> _Side:
        rows = {(each.doc_id, each.repeat): each for each in await store.samples(job_id, index)}
        return _Side(texts=texts, job_id=job_id, index=index, rows=rows)

    return _Sides(before=await side(row.baseline_job_id, row.baseline_index), after=await side(row.job_id, row.index))


async def _flips(store: Store, row: ComparisonRow) -> list[Flip]:
    before = await store.pairable(row.baseline_job_id, row.baseline_index, row.metric, row.filter)
    after = await store.pairable(row.job_id, row.index, row.metric, row.filter)
    scores = [each for each in await store.scores(row.job_id) if each.index == row.index]
    measured = next((each for each in scores if (each.metric, each.filter) == (row.metric, row.filter)), None)
    return flips(before, after, index=row.index, higher_is_better=measured is None or measured.higher_is_better)


def _pages(found: Sequence[Flip]) -> Iterator[Sequence[Flip]]:
    return (found[start : start + PAGE] for start in range(0, len(found), PAGE))
