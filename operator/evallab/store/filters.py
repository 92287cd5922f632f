"""A filter as the parameters of a fixed statement: pure, for the query `job_page`, which the part `pages` asks.

A job has one state, one name and one owner, so an AND of ORs over one of these comes down to two sets: values it must
be among, and values it must not be. Tags and experiments are several labels of a job; their clauses stay clauses.
"""

from dataclasses import dataclass

from psycopg.types.json import Jsonb

from evallab.api.evalhub.query import Filter, Term
from evallab.store import storable


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a single value must be; None asks nothing."""

    among: list[str] | None
    besides: list[str] | None


def bounds(asked: Filter) -> Bounds:
    """Return what a filter asks of a single value."""
    among: set[str] | None = None
    besides: set[str] = set()
    for clause in asked:
        wanted, unwanted = _sides(clause)
        if len(unwanted) > 1 or wanted & unwanted:
            continue  # nothing equals two values, so this clause always holds
        if unwanted:
            besides |= unwanted
        else:
            among = wanted if among is None else among & wanted
    return Bounds(among=None if among is None else sorted(among), besides=sorted(besides) or None)


def required(asked: Filter) -> list[str] | None:
    """Return the labels that a filter asks for one by one, which an index finds; None where there is none."""
    return sorted({storable.text(clause[0].value) for clause in asked if _is_plain(clause)}) or None


def clauses(asked: Filter) -> Jsonb | None:
    """Return the other clauses of a filter: a job has one label of `either`, or lacks one of `lacks`."""
    sides = [_sides(clause) for clause in asked if not _is_plain(clause)]
    found = [{"either": sorted(wanted), "lacks": sorted(unwanted)} for wanted, unwanted in sides]
    return Jsonb(found) if found else None


def _is_plain(clause: tuple[Term, ...]) -> bool:
    return len(clause) == 1 and not clause[0].negated


def _sides(clause: tuple[Term, ...]) -> tuple[set[str], set[str]]:
    wanted = {storable.text(term.value) for term in clause if not term.negated}
    return wanted, {storable.text(term.value) for term in clause if term.negated}
