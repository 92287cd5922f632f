"""A job as it goes, from the server's stream of events: every status until the job has ended. For `lab`.

A stream that is cut (a server that restarts, a proxy with little patience) is taken up again where it ended.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from evallab.remote.client import Client, Json
from evallab.remote.errors import ServerUnavailable

QUIET_S = 60.0  #: the server says something every 15 seconds
PATIENCE_S = 120.0  #: so long a server may be away
PAUSE_S = 1.0


@dataclass(frozen=True)
class Message:
    """One server-sent event."""

    kind: str
    data: str
    place: str


async def statuses(client: Client, path: str) -> AsyncIterator[Json]:
    """Yield the job whenever it changed, until nothing of it will change any more."""
    clock = asyncio.get_running_loop().time
    place, heard = "", clock()
    while True:
        try:
            async for message in _messages(client, path, place):
                place, heard = message.place, clock()
                if message.kind == "status":
                    yield json.loads(message.data)
                if message.kind == "end":
                    return
        except ServerUnavailable:
            if clock() - heard > PATIENCE_S:
                raise
        await asyncio.sleep(PAUSE_S)


async def _messages(client: Client, path: str, place: str) -> AsyncIterator[Message]:
    """Yield messages after a place; a stream that was read to its end says so again."""
    headers = {"Last-Event-ID": place} if place else {}
    fields: dict[str, str] = {}
    async with client.lines(path, headers=headers, quiet_s=QUIET_S) as lines:
        async for line in lines:
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            elif "event" in fields:
                yield Message(fields["event"], fields.get("data", ""), fields.get("id", place))
                fields = {}
            else:
                fields = {}
