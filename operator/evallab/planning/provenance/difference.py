"""Two jobs, fact by fact: what differs, whether the keys are equal, and what explains it where they are not. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evallab.planning import setup
from evallab.planning.provenance.benchmark_facts import OF_BENCHMARKS
from evallab.planning.provenance.field import Fact, Field
from evallab.planning.provenance.job_facts import OF_JOBS
from evallab.planning.provenance.record import Json, facts

_KEYS = frozenset({"question_key"})  #: follow from the rest


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A job with its record (`record.whole`); `benchmarks` maps an index to provider/id."""

    job: str
    name: str
    benchmarks: Mapping[int, str]
    record: Json


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one job says; `unknown` is why it says nothing."""

    value: Any = None
    unknown: str = ""


@dataclass(frozen=True, kw_only=True)
class Differing:
    """One fact that differs."""

    path: str
    group: str
    label: str
    ours: Side
    theirs: Side


@dataclass(frozen=True, kw_only=True)
class Key:
    """Whether two keys are equal, None where one is unknown, and the parts of the key that differ."""

    equal: bool | None
    explained_by: tuple[Differing, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OfBenchmark:
    """A benchmark that both jobs have."""

    benchmark: str
    index: int
    other_index: int
    question: Key
    facts: tuple[Differing, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two jobs. `only` names the benchmarks that one of them has, with that job's id."""

    job: str
    name: str
    other: str
    other_name: str
    setup: Key
    facts: tuple[Differing, ...]
    benchmarks: tuple[OfBenchmark, ...]
    only: tuple[tuple[str, str], ...]

    @property
    def equal(self) -> bool:
        """Say whether nothing differs that is known of both."""
        return not (self.facts or self.only or any(each.facts for each in self.benchmarks))


def difference(ours: Ran, theirs: Ran) -> Difference:
    """Compare two jobs; benchmarks of the same name are compared in their order."""
    pairs, only = _pairs(ours, theirs)
    return Difference(
        job=ours.job,
        name=ours.name,
        other=theirs.job,
        other_name=theirs.name,
        setup=_setup(ours.record["job"], theirs.record["job"]),
        facts=_differing(ours.record["job"], theirs.record["job"], OF_JOBS),
        benchmarks=tuple(_of_benchmark(ours, theirs, index, other) for index, other in pairs),
        only=only,
    )


def _pairs(ours: Ran, theirs: Ran) -> tuple[list[tuple[int, int]], tuple[tuple[str, str], ...]]:
    left = dict(sorted(theirs.benchmarks.items()))
    pairs, only = [], []
    for index, name in sorted(ours.benchmarks.items()):
        other = next((place for place, each in left.items() if each == name), None)
        if other is None:
            only.append((name, ours.job))
            continue
        del left[other]
        pairs.append((index, other))
    return pairs, (*only, *((name, theirs.job) for name in left.values()))


def _of_benchmark(ours: Ran, theirs: Ran, index: int, other: int) -> OfBenchmark:
    mine, its = ours.record["benchmarks"].get(str(index), {}), theirs.record["benchmarks"].get(str(other), {})
    return OfBenchmark(
        benchmark=ours.benchmarks[index],
        index=index,
        other_index=other,
        question=_question(mine.get("question"), its.get("question")),
        facts=_differing(mine, its, OF_BENCHMARKS),
    )


def _differing(ours: Json, theirs: Json, fields: Sequence[Field]) -> tuple[Differing, ...]:
    """Return the facts that differ; none where one of the records is not there yet."""
    if not ours or not theirs:
        return ()
    both = zip(facts(ours, fields), facts(theirs, fields), strict=True)
    return tuple(
        Differing(
            path=mine.field.path, group=mine.field.group, label=mine.field.label, ours=_side(mine), theirs=_side(its)
        )
        for mine, its in both
        if _differs(mine, its)
    )


def _differs(ours: Fact, theirs: Fact) -> bool:
    """Say whether a fact differs; two reasons for not knowing it are no difference."""
    if ours.field.varies or ours.field.path in _KEYS:
        return False
    return (ours.value, not ours.why) != (theirs.value, not theirs.why)


def _side(fact: Fact) -> Side:
    return Side(value=fact.value, unknown=fact.why)


def _setup(ours: Json, theirs: Json) -> Key:
    if not ours or not theirs:
        return Key(equal=None)
    if setup.key(ours) == setup.key(theirs):
        return Key(equal=True)
    mine, its = ({**model, **server, **host} for model, server, host in map(setup.parts, (ours, theirs)))
    return Key(equal=False, explained_by=tuple(_parts(mine, its, "Setup key")))


def _question(ours: Json | None, theirs: Json | None) -> Key:
    if _empty(ours) or _empty(theirs):
        return Key(equal=None)
    if ours == theirs:
        return Key(equal=True)
    return Key(equal=False, explained_by=tuple(_parts(ours, theirs, "Question key")))


def _empty(value: Any) -> bool:
    """Say whether a value says nothing at all."""
    return value is None or (isinstance(value, Mapping) and all(map(_empty, value.values())))


def _parts(ours: Any, theirs: Any, group: str, path: str = "") -> Iterator[Differing]:
    """Yield the smallest parts of two JSON values that differ."""
    if ours == theirs:
        return
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for name in dict.fromkeys((*ours, *theirs)):
            yield from _parts(ours.get(name), theirs.get(name), group, f"{path}.{name}" if path else str(name))
    elif _same_length(ours, theirs) and any(isinstance(each, Mapping) for each in ours):
        for place, (mine, its) in enumerate(zip(ours, theirs, strict=True)):
            yield from _parts(mine, its, group, f"{path}.{_named(mine, place)}")
    else:
        yield Differing(path=path, group=group, label=path, ours=Side(value=ours), theirs=Side(value=theirs))


def _same_length(ours: Any, theirs: Any) -> bool:
    return isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs)


def _named(value: Any, place: int) -> str:
    """Call the part of a list by the task that it is about."""
    return str(value.get("task", place)) if isinstance(value, Mapping) else str(place)
