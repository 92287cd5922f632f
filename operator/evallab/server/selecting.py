"""Which entries of the catalogue a list shows, and in which order. Called by the routes of providers and collections.

Newest first are those made over REST, then the system's by id; `sort_by` takes a field, with `-` downwards, and as in
EvalHub a field that nobody knows changes nothing.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from evallab.api.evalhub.provider import Identity
from evallab.api.evalhub.query import Filter, ListQuery
from evallab.catalog import Listed
from evallab.server.views.moments import moment

T = TypeVar("T")
Traits = Callable[[Listed[T]], Mapping[str, Collection[str]]]
SORTABLE = ("name", "created_at", "updated_at", "category")


def selected(entries: Iterable[Listed[T]], query: ListQuery, traits: Traits[T]) -> list[Listed[T]]:
    """Return the entries that a query asks for, in its order; `traits` are what its filters look at."""
    found = [each for each in entries if _in_scope(each, query) and _fits(traits(each), query)]
    field = query.sort_by.removeprefix("-")
    if field not in SORTABLE:
        return found
    return sorted(found, key=lambda each: _sort_key(each, field, traits), reverse=query.sort_by.startswith("-"))


def paged(entries: list[Listed[T]], query: ListQuery) -> list[Listed[T]]:
    """Return the entries of the page that is asked for."""
    end = query.offset + query.limit if query.limit else None
    return entries[query.offset : end]


def identity(listed: Listed[T]) -> Identity:
    """Return whose an entry is, and since when."""
    return Identity(
        id=listed.id,
        created_at=moment(listed.created_at),
        updated_at=moment(listed.updated_at),
        tenant=listed.tenant,
        owner=listed.owner,
    )


def _in_scope(listed: Listed[T], query: ListQuery) -> bool:
    return query.scope is None or listed.system == (query.scope == "system")


def _fits(traits: Mapping[str, Collection[str]], query: ListQuery) -> bool:
    return all(matches(terms, traits.get(name, ())) for name, terms in query.filters.items())


def matches(terms: Filter, values: Collection[str]) -> bool:
    """Tell whether values fit a filter: of every group one term, which is among them, or negated and is not."""
    return all(any((term.value in values) != term.negated for term in group) for group in terms)


def _sort_key(listed: Listed[T], field: str, traits: Traits[T]) -> str:
    if field in {"created_at", "updated_at"}:
        return str(getattr(listed, field).isoformat())
    return next(iter(traits(listed).get(field, ())), "")
