"""Entries of one kind, providers or collections, with who may see them: EvalHub's rules of tenancy in one place.

The server's live catalog fills one for providers and one for collections; the routes and job checks look into them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Listed(Generic[T]):
    """One entry and what is known of it besides; `system` ones come from files and are read-only."""

    id: str
    value: T
    created_at: datetime
    updated_at: datetime
    tenant: str | None = None
    owner: str | None = None
    system: bool = False

    def listed_for(self, tenant: str | None) -> bool:
        """Tell whether a list shows it: everything to who names no tenant, else the tenant's own and the system's."""
        return tenant is None or self.system or self.tenant == tenant

    def visible_to(self, tenant: str | None) -> bool:
        """Tell whether it can be fetched and used: as listed, but a tenant's entry only by naming that tenant."""
        return self.system or self.tenant == tenant


@dataclass(frozen=True)
class Shelf(Generic[T]):
    """Entries by id; system ones win over others with the same id."""

    kind: str
    _by_id: Mapping[str, Listed[T]] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, kind: str, entries: Iterable[Listed[T]]) -> "Shelf[T]":
        """Build a shelf."""
        by_id: dict[str, Listed[T]] = {}
        for each in sorted(entries, key=lambda entry: entry.system):
            by_id[each.id] = each
        return cls(kind, MappingProxyType(by_id))

    def __iter__(self) -> Iterator[Listed[T]]:
        """Go through everything, whoever's it is."""
        return iter(self._by_id.values())

    def find(self, entry_id: str) -> Listed[T] | None:
        """Return an entry, whoever's it is."""
        return self._by_id.get(entry_id)

    def visible(self, entry_id: str, tenant: str | None) -> Listed[T] | None:
        """Return an entry if the tenant may fetch and use it."""
        found = self.find(entry_id)
        return found if found and found.visible_to(tenant) else None

    def used_by(self, tenant: str | None) -> list[Listed[T]]:
        """Return what jobs of the tenant may use."""
        return [each for each in self if each.visible_to(tenant)]

    def listed_for(self, tenant: str | None) -> list[Listed[T]]:
        """Return what a list shows: the newest made over REST first, then the system's by id."""
        shown = [each for each in self if each.listed_for(tenant)]
        made = sorted((each for each in shown if not each.system), key=lambda each: (each.created_at, each.id))
        return [*reversed(made), *sorted((each for each in shown if each.system), key=lambda each: each.id)]
