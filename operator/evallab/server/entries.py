"""Entries of the catalogue as the server lists them: those on file, and rows of the store that were made over REST.

`live_catalog` keeps a `Made` and puts it on its shelves beside what is on file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import ValidationError

from evallab.api.provider import Collection, Provider
from evallab.api.sentences import sentences
from evallab.catalog import Entry, Listed, Source
from evallab.planning.cluster.images import refused, without_image
from evallab.store.interface import EntryKind, EntryRow

SYSTEM = "system"  #: the owner of what is on file
T = TypeVar("T")
Key = tuple[EntryKind, str]


@dataclass(frozen=True)
class _Kept:
    """A row and what it says, or why it says nothing."""

    row: EntryRow
    listed: Listed[Any] | None = None
    problem: str = ""


@dataclass(frozen=True)
class Made:
    """What was made over REST; a new value after every change. Rows that did not change are not read again."""

    local_commands: bool
    allowed_images: tuple[str, ...] = ()  #: what a cluster runs of what requests bring; empty: any
    _kept: Mapping[Key, _Kept] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def providers(self) -> list[Listed[Entry]]:
        """Return the providers."""
        return self._listed("provider")

    @property
    def collections(self) -> list[Listed[Collection]]:
        """Return the collections."""
        return self._listed("collection")

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with rows that cannot be read."""
        return tuple(each.problem for each in self._kept.values() if each.problem)

    def problems_of(self, kind: EntryKind, tenant: str | None) -> list[str]:
        """Return the same for a kind, as far as a tenant is concerned."""
        return [
            each.problem
            for each in self._kept.values()
            if each.problem and each.row.kind == kind and tenant in {None, each.row.tenant}
        ]

    def of(self, rows: Iterable[EntryRow]) -> "Made":
        """Return exactly these rows."""
        return replace(self, _kept=MappingProxyType({(row.kind, row.id): self._keep(row) for row in rows}))

    def with_row(self, row: EntryRow) -> "Made":
        """Return this with a row added or replaced."""
        return replace(self, _kept=MappingProxyType({**self._kept, (row.kind, row.id): self._keep(row)}))

    def without(self, kind: EntryKind, entry_id: str) -> "Made":
        """Return this without a row."""
        kept = {key: each for key, each in self._kept.items() if key != (kind, entry_id)}
        return replace(self, _kept=MappingProxyType(kept))

    def _listed(self, kind: EntryKind) -> list[Listed[Any]]:
        return [each.listed for each in self._kept.values() if each.listed and each.row.kind == kind]

    def _keep(self, row: EntryRow) -> _Kept:
        before = self._kept.get((row.kind, row.id))
        if before and before.row == row:
            return before
        model: type[Provider | Collection] = Provider if row.kind == "provider" else Collection
        try:
            value = model.model_validate({**row.body, "id": row.id})
        except ValidationError as error:
            said = "; ".join(sentences(error, model))
            return _Kept(row, problem=f'The {row.kind} "{row.id}" made over REST cannot be read: {said}')
        return _Kept(row, listed=listed(row, Entry(self._runnable(value)) if isinstance(value, Provider) else value))

    def _runnable(self, provider: Provider) -> Provider:
        """Take away what requests may not bring: it may be from a time when they might."""
        if refused(provider, self.allowed_images):
            provider = without_image(provider)
        if self.local_commands or provider.runtime is None:
            return provider
        return provider.model_copy(update={"runtime": provider.runtime.model_copy(update={"local": None})})


def listed(row: EntryRow, value: T) -> Listed[T]:
    """Return a value as a row's entry."""
    return Listed(
        id=row.id,
        value=value,
        created_at=row.created_at,
        updated_at=row.updated_at,
        tenant=row.tenant,
        owner=row.owner,
    )


def on_file(source: Source[T]) -> Listed[T]:
    """Return what a file says as an entry of the system's."""
    return Listed(
        id=source.id,
        value=source.value,
        created_at=source.modified,
        updated_at=source.modified,
        owner=SYSTEM,
        system=True,
    )
