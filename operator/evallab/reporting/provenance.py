"""Provenance for people: every fact in its group, what is unknown with the reason; and two jobs beside each other."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from evallab.planning.provenance import OF_BENCHMARKS, OF_JOBS, Fact, Field, facts
from evallab.planning.provenance.difference import Difference, Differing, Key, Ran, Side
from evallab.planning.provenance.record import beyond
from evallab.reporting import figures
from evallab.reporting.document import plain
from evallab.reporting.paper import Column, Paper

DIFFERENCE_SCHEMA = "evallab.provenance-difference/1"
UNKNOWN = "unknown: "
NOT_YET = "Nothing is recorded of the whole job yet: that happens when it ends."


def render(ran: Ran, paper: Paper) -> str:
    """Return all groups; what is the same of all benchmarks stands once."""
    record = ran.record
    known = facts(record["job"], OF_JOBS) if record["job"] else ()
    parts = [f"{ran.name} ({ran.job[:8]}): what exactly ran", *_groups(known, paper), *_beyond(record["job"], paper)]
    if not known:
        parts.append(NOT_YET)
    parts += _benchmarks(ran, paper)
    return "\n\n".join([*(part for part in parts if part), _count(ran)])


def document(found: Difference) -> dict[str, Any]:
    """Return a difference as plain JSON values."""
    return {"schema": DIFFERENCE_SCHEMA, "equal": found.equal, **plain(found)}


def render_difference(found: Difference, paper: Paper) -> str:
    """Return what differs, and what the keys say about it."""
    ours, theirs = f"{found.name} ({found.job[:8]})", f"{found.other_name} ({found.other[:8]})"
    parts = [f"{ours} against {theirs}", paper.notes(list(_keys(found)))]
    parts += [_table(title, rows, (ours, theirs), paper) for title, rows in _sections(found)]
    if found.equal:
        parts.append("Nothing differs that a record holds, besides times.")
    return "\n\n".join(part for part in parts if part)


def text(value: Any) -> str:
    """Return a value of a record as one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={text(each)}" for name, each in value.items() if each is not None) or "none"
    if isinstance(value, (list, tuple)):
        if any(isinstance(each, (Mapping, list)) for each in value):
            return "; ".join(text(each) for each in value)
        return shlex.join(text(each) for each in value) or "none"
    return "none" if value is None else str(value).replace("\n", "\\n")


def _groups(known: Sequence[Fact], paper: Paper) -> Iterator[str]:
    for group, members in groupby(known, key=lambda fact: fact.field.group):
        rows = list(members)
        yield paper.table(
            [
                Column(group, [fact.field.label for fact in rows]),
                Column("", [_said(fact) for fact in rows], style=_style),
            ]
        )


def _said(fact: Fact) -> str:
    if fact.why:
        return UNKNOWN + fact.why
    number = fact.field.kind == "number" and isinstance(fact.value, (int, float))
    return f"{text(fact.value)} {fact.field.unit}" if number and fact.field.unit else text(fact.value)


def _style(cell: str) -> str:
    return "dim" if cell.startswith(UNKNOWN) else ""


def _benchmarks(ran: Ran, paper: Paper) -> Iterator[str]:
    records = {int(index): record for index, record in ran.record["benchmarks"].items()}
    known = {index: facts(record, OF_BENCHMARKS) for index, record in sorted(records.items())}
    same = [fact for fact, *others in zip(*known.values(), strict=True) if all(each == fact for each in others)]
    shared = {fact.field.path for fact in same} if len(known) > 1 else frozenset[str]()
    if shared:
        yield f"All {len(known)} benchmarks"
        yield from _groups(same, paper)
    for index, own in known.items():
        yield ran.benchmarks.get(index, str(index))
        yield from _groups([fact for fact in own if fact.field.path not in shared], paper)
        yield from _beyond(records[index], paper, OF_BENCHMARKS)


def _beyond(record: Mapping[str, Any], paper: Paper, fields: Sequence[Field] = OF_JOBS) -> Iterator[str]:
    found = {name: value for name, value in beyond(record, fields).items() if value not in ({}, [], None)}
    if found:
        titles = Column("Besides", list(found))
        yield paper.table([titles, Column("", [text(value) for value in found.values()])])


def _count(ran: Ran) -> str:
    records = [(ran.record["job"], OF_JOBS), *((each, OF_BENCHMARKS) for each in ran.record["benchmarks"].values())]
    found = [fact for record, fields in records if record for fact in facts(record, fields)]
    unknown = sum(bool(fact.why) for fact in found)
    return f"{figures.count(len(found) - unknown, 'fact')} known, {unknown} unknown. docs/reference/provenance.md"


def _keys(found: Difference) -> Iterator[tuple[str, str]]:
    yield "setup key", _verdict(found.setup, "the same answered, as far as is known", "something else answered")
    for each in found.benchmarks:
        yield (
            f"{each.benchmark}: question key",
            _verdict(each.question, "the same was asked", "something else was asked: the scores are not comparable"),
        )
    yield from ((name, f"only in {job[:8]}") for name, job in found.only)


def _verdict(key: Key, same: str, other: str) -> str:
    if key.equal is None:
        return "unknown: one of them is not recorded"
    if key.equal:
        return f"equal: {same}"
    return f"different: {other} ({', '.join(each.label for each in key.explained_by)})"


def _sections(found: Difference) -> Iterator[tuple[str, Sequence[Differing]]]:
    yield "Explains the setup key", found.setup.explained_by
    for title, rows in groupby(found.facts, key=lambda each: each.group):
        yield title, list(rows)
    for each in found.benchmarks:
        yield f"{each.benchmark}: explains the question key", each.question.explained_by
        for title, rows in groupby(each.facts, key=lambda fact: fact.group):
            yield f"{each.benchmark}: {title}", list(rows)


def _table(title: str, rows: Sequence[Differing], names: tuple[str, str], paper: Paper) -> str:
    if not rows:
        return ""
    return paper.table(
        [
            Column(title, [each.label for each in rows]),
            Column(names[0], [_side(each.ours) for each in rows], style=_style),
            Column(names[1], [_side(each.theirs) for each in rows], style=_style),
        ]
    )


def _side(side: Side) -> str:
    return UNKNOWN + side.unknown if side.unknown else text(side.value)
