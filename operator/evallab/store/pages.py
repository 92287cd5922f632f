"""The store's methods that read many jobs at once, for a server's lists. One statement each."""

from collections.abc import Sequence
from typing import Any

from evallab.store import filters, storable
from evallab.store.interface import Cursor, JobPage, JobQuery, JobSnapshot, Stamp, StampPage
from evallab.store.part import Part
from evallab.store.snapshots import snapshot
from evallab.store.transactions import Record


class Pages(Part):
    """Pages of jobs, and jobs by their ids."""

    async def job_page(self, query: JobQuery) -> JobPage:
        """Return one page of jobs, newest first, with how many there are in all and where the next page begins."""
        page = await self.stamp_page(query)
        jobs = await self.views([each.id for each in page.stamps])
        return JobPage(jobs=tuple(jobs), total=page.total, next=page.next)

    async def stamp_page(self, query: JobQuery) -> StampPage:
        """Return the same page as stamps: for who knows what most of these jobs look like."""
        asked = _asked(query)
        plain = not asked["filtered"] and query.tenant is None
        found = await self._all("unfiltered_job_page" if plain else "job_page", **asked)
        total = int(found[0]["jobs_in_all"])
        stamps = [_stamp(each) for each in found if each["id"] is not None]
        if query.limit is None or len(stamps) <= query.limit:
            return StampPage(stamps=tuple(stamps), total=total, next=None)
        return StampPage(stamps=tuple(stamps[: query.limit]), total=total, next=_after(stamps[: query.limit], query))

    async def stamp(self, job_id: str) -> Stamp | None:
        """Return a job's stamp; None when there is no such job."""
        found = await self._first("job_stamp", job_id=storable.text(job_id))
        return None if found is None else _stamp(found)

    async def views(self, ids: Sequence[str]) -> list[JobSnapshot]:
        """Return several jobs whole, in the order asked; ids that are unknown or deleted are left out."""
        found = {each["id"]: snapshot(each) for each in await self._all("views", job_ids=list(ids))}
        return [found[each] for each in ids if each in found]


def _asked(query: JobQuery) -> dict[str, Any]:
    """Return the parameters of a query; one job more than the page has says that there is a next page."""
    states, names, owners = map(filters.bounds, (query.states, query.names, query.owners))
    asked = {
        "states": states.among,
        "no_states": states.besides,
        "names": names.among,
        "no_names": names.besides,
        "owners": owners.among,
        "no_owners": owners.besides,
        "all_tags": filters.required(query.tags),
        "tags": filters.clauses(query.tags),
        "all_experiments": filters.required(query.experiments),
        "experiments": filters.clauses(query.experiments),
    }
    return asked | {
        "filtered": any(value is not None for value in asked.values()),
        "tenant": None if query.tenant is None else storable.text(query.tenant),
        "after_created_at": query.after.created_at if query.after else None,
        "after_id": query.after.id if query.after else None,
        "limit": None if query.limit is None else query.limit + 1,
        "offset": query.offset,
    }


def _stamp(record: Record) -> Stamp:
    return Stamp(
        id=record["id"],
        tenant=record["tenant"],
        owner=record["owner"],
        created_at=record["created_at"],
        updated_at=record["updated_at"],
        ended=record["finished_at"] is not None,
    )


def _after(stamps: list[Stamp], query: JobQuery) -> Cursor | None:
    """Return where the next page begins; a page of no jobs stays where it is."""
    return Cursor(created_at=stamps[-1].created_at, id=stamps[-1].id) if stamps else query.after
