"""What a user's reference to a job means: the store's `resolve`, called for every command that names a job."""

import difflib
import re

from evallab.api.errors import NotFound, UsageError
from evallab.store.part import Part, every, first, only
from evallab.store.transactions import Connection

_BACK = re.compile(r"(?P<name>.+)~(?P<back>[0-9]{1,9})")
_SHORTEST_PREFIX = 4


class References(Part):
    """References to jobs."""

    async def resolve(self, reference: str) -> str:
        """Return the id that a reference means.

        The first that fits: an id, a name (its newest job), name~1 (the one before), a unique prefix of ≥ 4.
        Raises NotFound (naming near names), or UsageError for an ambiguous prefix.
        """

        async def work(connection: Connection) -> str:
            return (
                await _by_id(connection, reference)
                or await _by_name(connection, reference, back=0)
                or await _by_name_before(connection, reference)
                or await _by_prefix(connection, reference)
                or await _nothing(connection, reference)
            )

        return await self._transactions.run(work)


async def _by_id(connection: Connection, reference: str) -> str | None:
    found = await only(connection, "job_exists", {"job_id": reference})
    return reference if found["found"] else None


async def _by_name(connection: Connection, name: str, *, back: int) -> str | None:
    found = await first(connection, "job_of_name", {"name": name, "back": back})
    return None if found is None else str(found["id"])


async def _by_name_before(connection: Connection, reference: str) -> str | None:
    match = _BACK.fullmatch(reference)
    if match is None:
        return None
    name, back = match["name"], int(match["back"])
    found = await _by_name(connection, name, back=back)
    count = (await only(connection, "count_of_name", {"name": name}))["jobs"]
    if found is None and count:
        raise NotFound(
            f"{reference!r} goes back too far: there are {count} jobs named {name!r}.",
            remedy=f"The oldest is {name}~{count - 1}.",
        )
    return found


async def _by_prefix(connection: Connection, prefix: str) -> str | None:
    if len(prefix) < _SHORTEST_PREFIX:
        return None
    found = await every(connection, "jobs_of_prefix", {"prefix": prefix})
    if len(found) > 1:
        several = ", ".join(f"{each['id']} ({each['name']})" for each in found[:3])
        raise UsageError(
            f"{prefix!r} is the beginning of more than one job id: {several}{', …' if len(found) > 3 else '.'}",
            remedy="Give more of the id.",
        )
    return str(found[0]["id"]) if found else None


async def _nothing(connection: Connection, reference: str) -> str:
    names = [str(each["name"]) for each in await every(connection, "recent_names", {})]
    near = difflib.get_close_matches(reference.partition("~")[0], names, n=3)
    remedy = f"Near names: {', '.join(near)}." if near else "`evallab jobs` shows the jobs there are."
    raise NotFound(f"There is no job {reference!r}.", remedy=remedy)
