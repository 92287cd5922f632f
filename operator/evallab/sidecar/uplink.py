"""Everything that is said to the server, with the attempt's own token, which is read anew for each request.

Two kinds of failure: whoever is away comes back (`ServerAway`: refused connections, 5xx, a token that is just being
rotated, answers that are not the server's own); what the server itself refuses will be refused for ever (`Refused`).
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from evallab.api.errors import EvallabError, StoreUnavailable
from evallab.sidecar.config import SidecarConfig
from evallab.store.interface import EventRow

EVENT_ID, RECEIVED_AT = "X-Evallab-Event-Id", "X-Evallab-Received-At"
_PASSING = frozenset({401, 408, 425, 429})
_FINAL = frozenset({507})  #: of the 5xx: what does not fit now does not fit later
_TIMEOUT = aiohttp.ClientTimeout(total=120.0, sock_connect=5.0)


class ServerAway(StoreUnavailable):
    """The server, or what it needs, is away; ask again."""

    code = "server_away"


class Refused(EvallabError):
    """The server refuses this, now and later."""

    code = "server_refused"


class Uplink:
    """The server, as one attempt may speak to it."""

    def __init__(self, session: aiohttp.ClientSession, config: SidecarConfig, token: Path) -> None:
        """`token` is the file of the projected token."""
        self._session, self._token = session, token
        self._base = f"{config.server.rstrip('/')}/a/{quote(config.attempt, safe='')}"
        self._events = f"{self._base}/api/v1/evaluations/jobs/{quote(config.job, safe='')}/events"

    async def event(self, event: EventRow) -> None:
        """Hand in an event; twice is once, by its id. Raises ServerAway, Refused."""
        headers = {EVENT_ID: event.id, RECEIVED_AT: event.received_at.isoformat(), **_JSON}
        await self._ask("POST", self._events, json.dumps({"benchmark_status_event": event.body}).encode(), headers)

    async def piece(self, area: str, name: str, start: int, content: bytes) -> None:
        """Hand in a piece of a file; it replaces what begins at the same byte. Raises ServerAway, Refused."""
        url = f"{self._base}/leavings/{area}/{quote(name, safe='/')}?start={start}"
        await self._ask("PUT", url, content, {"Content-Type": "application/octet-stream"})

    async def seal(self, body: dict[str, Any]) -> list[tuple[str, str]]:
        """Say that this was all; return what the server lacks of it. Raises ServerAway, Refused."""
        answer = await self._ask("POST", f"{self._base}/seal", json.dumps(body).encode(), _JSON, accept=409)
        return [(str(area), str(name)) for area, name in answer.get("missing", [])]

    async def _ask(
        self, method: str, url: str, content: bytes, headers: dict[str, str], *, accept: int | None = None
    ) -> dict[str, Any]:
        """Return the JSON of an answer with the status `accept`, {} for any success."""
        told = {**headers, "Authorization": f"Bearer {self._current_token()}"}
        target = URL(url, encoded=True)
        try:
            async with self._session.request(
                method, target, data=content, headers=told, timeout=_TIMEOUT, allow_redirects=False
            ) as answer:
                status, said = answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ServerAway(f"The server cannot be reached ({type(error).__name__}).") from error
        if status < 300:
            return {}
        document = _document(said)
        if status == accept and "missing" in document:
            return document
        raise _failure(status, document)

    def _current_token(self) -> str:
        try:
            return self._token.read_text().strip()
        except OSError as error:
            raise ServerAway(f"The token cannot be read: {error.strerror}.") from error


_JSON = {"Content-Type": "application/json"}


def _document(said: bytes) -> dict[str, Any]:
    try:
        document = json.loads(said)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _failure(status: int, document: dict[str, Any]) -> EvallabError:
    """Tell apart who will come back from what will never be taken: only an answer of the server itself is final."""
    code = document.get("message_code")
    final = status in _FINAL or (400 <= status < 500 and status not in _PASSING)
    if code and final:
        return Refused(f"HTTP {status} {code}: {document.get('message', '')}")
    return ServerAway(f"The server answers HTTP {status}{f' ({code})' if code else ''}.")
