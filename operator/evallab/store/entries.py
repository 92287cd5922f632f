"""The store's methods about the catalogue that is made over REST: providers and collections as they were sent."""

from datetime import datetime

from evallab.store import rows, storable
from evallab.store.interface import EntryKind, EntryRow
from evallab.store.part import Part


class Entries(Part):
    """Providers and collections."""

    async def save_entry(self, row: EntryRow, *, actor: str) -> None:
        """Insert a provider or collection, or replace its body (created_at, tenant and owner stay); audited."""
        values = rows.parameters(row) | {"body": storable.verbatim(row.body), "actor": storable.text(actor)}
        await self._write("save_entry", values)

    async def entry(self, kind: EntryKind, id_: str) -> EntryRow | None:
        """Return one provider or collection, or None."""
        found = await self._first("fetch_entry", kind=kind, id=storable.text(id_))
        return None if found is None else EntryRow(**found)

    async def entries(self, kind: EntryKind) -> list[EntryRow]:
        """Return all of a kind, oldest first."""
        return [EntryRow(**each) for each in await self._all("list_entries", kind=kind)]

    async def delete_entry(self, kind: EntryKind, id_: str, *, actor: str, now: datetime) -> bool:
        """Delete a provider or collection, audited; False when there was none."""
        values = {"kind": kind, "id": storable.text(id_), "actor": storable.text(actor), "now": now}
        return await self._first("delete_entry", **values) is not None
