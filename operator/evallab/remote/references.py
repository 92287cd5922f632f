"""What JOB on a command line means on a server: the same rule as in the store (`store.references`). For `lab`."""

import difflib
import re
from itertools import islice

from evallab.api.errors import NotFound, UsageError
from evallab.remote.client import Client, Json
from evallab.remote.paths import JOBS, job

SHORTEST_PREFIX = 4
LOOKED_AT = 5_000  #: jobs, when the beginning of an id is looked for
PAGE = 500
_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_BACK = re.compile(r"(?P<name>.+)~(?P<back>\d{1,4})", re.DOTALL)
_LISTS = frozenset(",|!")  #: what the filter `name` reads as several names


async def resolve(client: Client, reference: str) -> str:
    """Return the id that a reference means: an id, a name, name~1, or a unique prefix. Raises NotFound, UsageError."""
    return (
        await _by_id(client, reference)
        or await _by_name(client, reference)
        or await _by_name_before(client, reference)
        or await _by_prefix(client, reference)
    )


async def _by_id(client: Client, reference: str) -> str | None:
    if not _ID.fullmatch(reference):
        return None
    try:
        return str((await client.get(job(reference)))["resource"]["id"])
    except NotFound:
        return None


async def _by_name(client: Client, name: str, *, back: int = 0) -> str | None:
    found = await _ids_of(client, name, most=back + 1)
    return found[back] if len(found) > back else None


async def _by_name_before(client: Client, reference: str) -> str | None:
    match = _BACK.fullmatch(reference)
    if match is None:
        return None
    name, back = match["name"], int(match["back"])
    found = await _ids_of(client, name, most=back + 1)
    if len(found) > back:
        return found[back]
    if found:
        raise NotFound(
            f"{reference!r} goes back too far: there are {len(found)} jobs named {name!r}.",
            remedy=f"The oldest is {name}~{len(found) - 1}.",
        )
    return None


async def _ids_of(client: Client, name: str, *, most: int) -> list[str]:
    """Return the ids of the newest jobs of a name."""
    query: dict[str, str | int] = {"limit": PAGE} if _LISTS & set(name) else {"limit": PAGE, "name": name}
    found: list[str] = []
    async for each in client.items(JOBS, query):
        found += [each["resource"]["id"]] if each["name"] == name else []
        if len(found) == most:
            break
    return found


async def _by_prefix(client: Client, prefix: str) -> str:
    names: list[str] = []
    matching: list[Json] = []
    async for each in client.items(JOBS, {"limit": PAGE}):
        names.append(each["name"])
        if len(prefix) >= SHORTEST_PREFIX and each["resource"]["id"].startswith(prefix):
            matching.append(each)
        if len(names) == LOOKED_AT:
            break
    if len(matching) > 1:
        several = ", ".join(f"{each['resource']['id']} ({each['name']})" for each in matching[:3])
        more = ", …" if len(matching) > 3 else "."
        raise UsageError(
            f"{prefix!r} is the beginning of more than one job id: {several}{more}", remedy="Give more of the id."
        )
    return str(matching[0]["resource"]["id"]) if matching else _nothing(prefix, names)


def _nothing(reference: str, names: list[str]) -> str:
    recent = list(islice(dict.fromkeys(names), 100))
    near = difflib.get_close_matches(reference.partition("~")[0], recent, n=3)
    remedy = f"Near names: {', '.join(near)}." if near else "`evallab jobs` shows the jobs there are."
    raise NotFound(f"There is no job {reference!r}.", remedy=remedy)
