"""What can be measured, as of now: built in, from the configuration directory, and made over REST.

`serving` loads it and keeps `watch` running, and so does the operator; job checks take `view`, the engine `providers`,
the routes of providers and collections the shelves and the writing methods. A broken file never hides the others: it is
named in the log and in `problems`, and its last good version is served until it is mended.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from evallab.api.errors import InvalidManifest, StoreUnavailable
from evallab.api.evalhub.errors import ApiError
from evallab.api.provider import Collection, Provider
from evallab.catalog import Catalog, Contents, Entry, Folder, Listed, Shelf, builtin_contents
from evallab.planning.cluster.images import pulled
from evallab.server.entries import Made, on_file
from evallab.store.interface import EntryKind, EntryRow, Serving

log = logging.getLogger(__name__)
LOOK_S = 1.0
READ_AGAIN_S = 30.0  #: the notifications of the store are best effort
MOST_VIEWS = 100


@dataclass(frozen=True, kw_only=True)
class Images:
    """What a cluster says about the images of providers."""

    allowed: tuple[str, ...] = ()  #: where those of providers that were made over REST may come from; empty: anywhere
    instead: Mapping[str, str] = field(default_factory=dict)  #: name without tag → what is pulled instead


ANY_IMAGES = Images()


class LiveCatalog:
    """The catalogue of a server."""

    def __init__(
        self,
        directory: Path | None,
        store: Serving,
        *,
        builtin: bool = True,
        local_commands: bool = False,
        images: Images = ANY_IMAGES,
    ) -> None:
        """Hold nothing until `load`. Without `local_commands` nothing that was made over REST runs a process here."""
        self._folder = Folder(directory) if directory else None
        self._store = store
        self._builtin = builtin_contents() if builtin else Contents()
        self._files = Contents()
        self._made = Made(local_commands=local_commands, allowed_images=images.allowed)
        self.images = images
        self._writing = asyncio.Lock()
        self._views: dict[str | None, Catalog] = {}
        self._signature: tuple[object, ...] = ()
        self._shelve()

    async def load(self, *, strict: bool = False) -> None:
        """Read everything. With `strict`, what is wrong with a file is an InvalidManifest."""
        await self._read_files()
        wrong = (*self._builtin.problems, *self._files.problems)
        if strict and wrong:
            raise InvalidManifest([str(each) for each in wrong])
        await self.look()

    async def watch(self) -> None:
        """Follow the files and the store until cancelled."""
        changed = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(_again_and_again(self._look_at_files, _a_moment))
            group.create_task(_again_and_again(lambda: self._listen(changed), _a_moment))
            group.create_task(_again_and_again(self.look, lambda: _either(changed, READ_AGAIN_S)))

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with files, and with entries that cannot be read any more; one sentence each."""
        files = (*self._builtin.problems, *self._files.problems)
        return (*(str(each) for each in files), *self._made.problems)

    def row_problems(self, kind: EntryKind, tenant: str | None) -> list[str]:
        """Return what is wrong with entries made over REST, for the `errors` of a tenant's list."""
        return self._made.problems_of(kind, tenant)

    def view(self, tenant: str | None) -> Catalog:
        """Return what jobs of a tenant may use."""
        if tenant not in self._views:
            if len(self._views) >= MOST_VIEWS:
                self._views.clear()
            entries = (each.value for each in self.provider_shelf.used_by(tenant))
            collections = (each.value for each in self.collection_shelf.used_by(tenant))
            self._views[tenant] = Catalog.of(entries, collections)
        return self._views[tenant]

    @property
    def providers(self) -> Mapping[str, Provider]:
        """Every provider by id, whoever's it is; always as of now."""
        return _Providers(self)

    def updated_at(self, kind: EntryKind, entry_id: str) -> datetime | None:
        """Return when an entry was changed last, None when there is none."""
        shelf = self.provider_shelf if kind == "provider" else self.collection_shelf
        found = shelf.find(entry_id)
        return found.updated_at if found else None

    def is_system(self, kind: EntryKind, entry_id: str) -> bool:
        """Say whether an entry comes from files, and so from the owner of the server."""
        shelf = self.provider_shelf if kind == "provider" else self.collection_shelf
        found = shelf.find(entry_id)
        return found is not None and found.system

    async def row(self, kind: EntryKind, entry_id: str, tenant: str | None) -> EntryRow:
        """Return an entry made over REST as it is stored now. Raises ApiError, also for another tenant's."""
        found = await self._store.entry(kind, entry_id)
        if found is None or found.tenant != tenant:
            raise ApiError("resource_not_found", kind=kind, id=entry_id)
        return found

    async def create(self, row: EntryRow, *, actor: str) -> None:
        """Store a new entry; it is in the catalogue when this returns."""
        async with self._writing:
            await self._store.save_entry(row, actor=actor)
            self._know(self._made.with_row(row))

    async def change(
        self, kind: EntryKind, entry_id: str, tenant: str | None, changed: Callable[[EntryRow], EntryRow], *, actor: str
    ) -> None:
        """Store an entry as `changed` returns it; changes of one server do not overtake each other."""
        async with self._writing:
            row = changed(await self.row(kind, entry_id, tenant))
            await self._store.save_entry(row, actor=actor)
            self._know(self._made.with_row(row))

    async def remove(self, kind: EntryKind, entry_id: str, tenant: str | None, *, actor: str, now: datetime) -> None:
        """Delete an entry."""
        async with self._writing:
            await self.row(kind, entry_id, tenant)
            await self._store.delete_entry(kind, entry_id, actor=actor, now=now)
            self._know(self._made.without(kind, entry_id))

    async def _look_at_files(self) -> None:
        if self._folder and await asyncio.to_thread(self._folder.signature) != self._signature:
            await self._read_files()
            log.info("the configuration directory changed", extra={"action": "catalog"})

    async def _read_files(self) -> None:
        if not self._folder:
            return
        self._signature = await asyncio.to_thread(self._folder.signature)
        before, self._files = self._files.problems, await asyncio.to_thread(self._folder.read)
        for each in self._files.problems:
            if each not in before:
                log.error("%s", each, extra={"action": "catalog", "file": str(each.file), "line": each.line})
        self._shelve()

    async def _listen(self, changed: asyncio.Event) -> None:
        async for _ in self._store.entry_changes():
            changed.set()

    async def look(self) -> None:
        """Read what was made over REST, whether or not it was heard that something changed. Raises StoreUnavailable."""
        async with self._writing:
            rows = [*await self._store.entries("provider"), *await self._store.entries("collection")]
            self._know(self._made.of(rows))

    def _know(self, made: Made) -> None:
        for each in made.problems:
            if each not in self._made.problems:
                log.error("%s", each, extra={"action": "catalog"})
        self._made = made
        self._shelve()

    def _shelve(self) -> None:
        providers = [self._pulled(each) for each in (*self._system_providers(), *self._made.providers)]
        self.provider_shelf: Shelf[Entry] = Shelf.of("provider", providers)
        self.collection_shelf: Shelf[Collection] = Shelf.of(
            "collection", [*self._system_collections(), *self._made.collections]
        )
        self._views.clear()

    def _pulled(self, listed: Listed[Entry]) -> Listed[Entry]:
        provider = pulled(listed.value.provider, self.images.instead)
        if provider is listed.value.provider:
            return listed
        return replace(listed, value=replace(listed.value, provider=provider))

    def _system_providers(self) -> Iterator[Listed[Entry]]:
        return map(on_file, (*self._builtin.providers, *self._files.providers))

    def _system_collections(self) -> Iterator[Listed[Collection]]:
        return map(on_file, (*self._builtin.collections, *self._files.collections))


class _Providers(Mapping[str, Provider]):
    """The providers of a catalogue under their ids, as of whenever one looks."""

    def __init__(self, catalog: LiveCatalog) -> None:
        self._catalog = catalog

    def __getitem__(self, provider_id: str) -> Provider:
        found = self._catalog.provider_shelf.find(provider_id)
        if found is None:
            raise KeyError(provider_id)
        return found.value.provider

    def __iter__(self) -> Iterator[str]:
        return (each.id for each in self._catalog.provider_shelf)

    def __len__(self) -> int:
        return sum(1 for _ in self)


async def _again_and_again(look: Callable[[], Awaitable[None]], pause: Callable[[], Awaitable[object]]) -> None:
    """Look for ever; what fails once is said and tried again."""
    while True:
        await pause()
        try:
            await look()
        except StoreUnavailable as error:
            log.warning("%s", error, extra={"action": "catalog"})
        except Exception:
            log.exception("the catalogue could not be read; what was read last is served", extra={"action": "catalog"})


async def _a_moment() -> None:
    await asyncio.sleep(LOOK_S)


async def _either(changed: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await changed.wait()
    changed.clear()
