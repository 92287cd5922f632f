"""The store's methods about what pods of a cluster leave: pieces of files, put together when they are read.

A sidecar that was restarted hands pieces in again, with other borders perhaps, and in any order; so a piece is known by
the byte it begins at, and a file is what its pieces cover from its begin on. Sealing decides whether that is all.
"""

import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime
from functools import partial

from evallab.api.errors import NotFound
from evallab.store import snapshots, storable
from evallab.store.clustering import LEAVINGS_LIMIT, PIECES_LIMIT, Put
from evallab.store.interface import AttemptRow, JobRow, Json, LeavingRow
from evallab.store.part import Part, every, first, require_job, write
from evallab.store.transactions import Connection, Record

Place = tuple[str, str]  #: area and name
_NAMED = ("attempt_id", "area", "name")


class Leavings(Part):
    """What attempts left, and what is asked of jobs of a cluster."""

    async def attempt(self, attempt_id: str) -> tuple[JobRow, AttemptRow] | None:
        """Return an attempt with its job, also of a deleted one; None when there is no such attempt."""
        found = await self._first("fetch_attempt", attempt_id=attempt_id)
        return None if found is None else (snapshots.job(found), snapshots.attempt(found["attempt"]))

    async def put_leaving(
        self, attempt_id: str, area: str, name: str, start: int, content: bytes, *, limit: int = LEAVINGS_LIMIT
    ) -> Put:
        """Keep a piece of a file that an attempt leaves. Another piece from the same byte replaces it.

        Raises NotFound when there is no such attempt.
        """
        piece = {"attempt_id": attempt_id, "area": area, "name": name, "start": start, "content": content}

        async def work(connection: Connection) -> Put:
            await write(connection, "share_leavings", piece)
            found = await first(connection, "leavings_of_attempt", piece)
            if found is None:
                raise _no_attempt(attempt_id)
            if found["unwanted"]:
                return "unwanted"
            if found["bytes"] + len(content) > limit or found["pieces"] >= PIECES_LIMIT:
                return "full"
            await write(connection, "put_leaving", piece)
            return "kept"

        return await self._transactions.run(work)

    async def leavings(self, attempt_id: str) -> list[LeavingRow]:
        """Return what an attempt left so far, by area and name; `bytes` counts up to the first gap."""
        return [_leaving(each) for each in await self._all("list_leavings", attempt_ids=[attempt_id])]

    async def read_leaving(self, attempt_id: str, area: str, name: str) -> AsyncGenerator[bytes]:
        """Yield the content of a file that an attempt left, piece by piece, up to its first gap."""
        at = 0
        while found := await self._first("read_leaving", attempt_id=attempt_id, area=area, name=name, at=at):
            content = bytes(found["content"])
            at += len(content)
            yield content

    async def work_before(self, attempt_id: str) -> tuple[str, list[LeavingRow]] | None:
        """Return the earlier attempt of the same benchmark that left most work, else the newest, and its files."""
        earlier = [each["id"] for each in await self._all("earlier_attempts", attempt_id=attempt_id)]
        if not earlier:
            return None
        work: dict[str, list[LeavingRow]] = {each: [] for each in earlier}
        for each in await self._all("list_leavings", attempt_ids=earlier):
            if each["area"] == "work":
                work[each["attempt_id"]].append(_leaving(each))
        chosen = max(earlier, key=lambda each: sum(row.bytes for row in work[each]))  # the newest of equal ones
        return (chosen, work[chosen]) if work[chosen] else None

    async def seal(self, attempt_id: str, body: Json, *, now: datetime) -> list[Place]:
        """Note that an attempt left exactly the files that `body` names, and return []; else what is missing.

        Content is looked at between two transactions, which stay short: pieces come from the same sidecar only.
        """
        asked = {(str(each["area"]), str(each["name"])): each for each in body["files"]}
        if missing := await self._transactions.run(partial(_settled, attempt_id, asked)):
            return missing
        damaged = await self._damaged(attempt_id, asked)

        async def work(connection: Connection) -> list[Place]:
            if await _is_over(connection, attempt_id):
                return []
            for place in damaged:
                await write(connection, "drop_leaving", _named(attempt_id, place))
            found = await _found(connection, attempt_id)
            if missing := _missing(asked, found):
                return missing
            await _complete(connection, attempt_id, asked, found)
            row = {"attempt_id": attempt_id, "body": storable.json(body), "now": now}
            await write(connection, "add_seal", row)
            return []

        return await self._transactions.run(work)

    async def sealed(self, attempt_id: str) -> Json | None:
        """Return what an attempt was sealed with, or None."""
        found = await self._first("fetch_seal", attempt_id=attempt_id)
        return None if found is None else dict(found["body"])

    async def drop_leavings(self, job_id: str) -> None:
        """Forget what the attempts of a job left. That they were sealed stays known."""
        await self._write("drop_leavings", {"job_id": job_id})

    async def set_suspended(self, job_id: str, suspended: bool, *, actor: str, now: datetime) -> None:  # noqa: FBT001
        """Say whether a job is to wait or to go on; audited when it changes. Raises NotFound."""
        await self._asked("set_suspended", {"job_id": job_id, "suspended": suspended, "now": now}, actor)

    async def set_priority(self, job_id: str, priority: int, *, actor: str, now: datetime) -> None:
        """Change how early a job is served, also in its spec; audited when it changes. Raises NotFound."""
        await self._asked("set_priority", {"job_id": job_id, "priority": priority, "now": now}, actor)

    async def _asked(self, name: str, values: Record, actor: str) -> None:
        if await self._first(name, **values, actor=storable.text(actor)) is None:
            await self._transactions.run_alone(lambda connection: require_job(connection, values["job_id"]))

    async def _damaged(self, attempt_id: str, asked: Mapping[Place, Json]) -> list[Place]:
        """Return the files that are as long as they should be, and yet others; small ones are hashed by Postgres."""
        if await self.sealed(attempt_id) is not None:
            return []
        small = await self._all("hash_leavings", attempt_id=attempt_id)
        known = {(each["area"], each["name"]): each["sha256"] for each in small}
        return [
            place
            for place, each in asked.items()
            if (known.get(place) or await self._sha256(attempt_id, *place)) != each["sha256"]
        ]

    async def _sha256(self, attempt_id: str, area: str, name: str) -> str:
        digest = hashlib.sha256()
        async with aclosing(self.read_leaving(attempt_id, area, name)) as pieces:
            async for piece in pieces:
                digest.update(piece)
        return digest.hexdigest()


async def _is_over(connection: Connection, attempt_id: str) -> bool:
    """Say whether nothing more is wanted of an attempt, and let nothing come in until this is over. Raises NotFound."""
    nothing = {"attempt_id": attempt_id, "area": "", "name": "", "start": 0}
    await write(connection, "lock_leavings", nothing)
    found = await first(connection, "leavings_of_attempt", nothing)
    if found is None:
        raise _no_attempt(attempt_id)
    return bool(found["unwanted"])


async def _settled(attempt_id: str, asked: Mapping[Place, Json], connection: Connection) -> list[Place]:
    """Let go of what lies behind the ends of files; return those that are not as long as they should be.

    One that is still too long then is not what it was: it goes, or no piece that comes anew would mend it.
    """
    if await _is_over(connection, attempt_id):
        return []
    files = [{"area": area, "name": name, "bytes": each["bytes"]} for (area, name), each in asked.items()]
    await write(connection, "trim_leavings", {"attempt_id": attempt_id, "files": storable.json(files)})
    found = await _found(connection, attempt_id)
    missing = _missing(asked, found)
    for place in missing:
        if place in found and found[place]["bytes"] > asked[place]["bytes"]:
            await write(connection, "drop_leaving", _named(attempt_id, place))
    return missing


async def _found(connection: Connection, attempt_id: str) -> dict[Place, Record]:
    found = await every(connection, "list_leavings", {"attempt_ids": [attempt_id]})
    return {(each["area"], each["name"]): each for each in found}


async def _complete(
    connection: Connection, attempt_id: str, asked: Mapping[Place, Json], found: Mapping[Place, Record]
) -> None:
    """Make the leavings what a seal names: empty files are there without a piece, others are none of them."""
    for place in asked.keys() - found.keys():
        await write(connection, "put_leaving", {**_named(attempt_id, place), "start": 0, "content": b""})
    for place in found.keys() - asked.keys():
        await write(connection, "drop_leaving", _named(attempt_id, place))


def _missing(asked: Mapping[Place, Json], found: Mapping[Place, Record]) -> list[Place]:
    """Return the files that are not as long as they should be, or have a gap."""
    nothing = {"bytes": 0, "whole": True}
    seen = {place: found.get(place, nothing) for place in asked}
    return [place for place, each in seen.items() if not each["whole"] or each["bytes"] != asked[place]["bytes"]]


def _leaving(record: Record) -> LeavingRow:
    return LeavingRow(area=record["area"], name=record["name"], bytes=record["bytes"])


def _named(attempt_id: str, place: Place) -> Record:
    return dict(zip(_NAMED, (attempt_id, *place), strict=True))


def _no_attempt(attempt_id: str) -> NotFound:
    return NotFound(f"There is no attempt {attempt_id!r}.")
