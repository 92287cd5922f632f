"""HTTP with an evallab server: JSON, pages, and bodies that come in lines. The only module that knows httpx.

Every failure is an error of ours (`errors`); no request is repeated here.
"""

import math
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx

from evallab.api.errors import UsageError
from evallab.remote.errors import ServerUnavailable, of_answer

Json = dict[str, Any]
Query = Mapping[str, str | int]
CONNECT_S, ANSWER_S = 10.0, 60.0


class Client:
    """A connection to one server."""

    def __init__(self, http: httpx.AsyncClient, server: str) -> None:
        """Use this connection; `server` names it in messages."""
        self._http, self._server = http, server

    async def get(self, path: str, query: Query | None = None) -> Any:
        """Return what is at a path."""
        return (await self._sent("GET", path, query=query)).json()

    async def post(self, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Any:
        """Post JSON and return the answer."""
        return (await self._sent("POST", path, body=body, headers=headers)).json()

    async def delete(self, path: str) -> None:
        """Delete what is at a path."""
        await self._sent("DELETE", path)

    async def items(self, path: str, query: Query | None = None) -> AsyncIterator[Json]:
        """Yield the items of a list, page after page."""
        page = await self.get(path, query)
        while True:
            for each in page["items"]:
                yield each
            if "next" not in page:
                return
            page = await self.get(page["next"]["href"])

    @asynccontextmanager
    async def lines(
        self,
        path: str,
        query: Query | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        quiet_s: float = math.inf,
    ) -> AsyncIterator[AsyncIterator[str]]:
        """Open a body that comes in lines; after `quiet_s` without any the server is unavailable."""
        timeout = httpx.Timeout(CONNECT_S, read=None if math.isinf(quiet_s) else quiet_s)
        with _translated(self._server):
            async with self._http.stream("GET", path, params=query, headers=headers, timeout=timeout) as response:
                if response.status_code >= 400:
                    raise of_answer(response.status_code, await response.aread(), server=self._server)
                yield response.aiter_lines()

    async def _sent(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        with _translated(self._server):
            response = await self._http.request(method, path, params=query, json=body, headers=headers)
        if response.status_code >= 300:
            raise of_answer(response.status_code, response.content, server=self._server)
        return response


@asynccontextmanager
async def connected(url: str, *, token: str | None, tenant: str | None, direct: bool = False) -> AsyncIterator[Client]:
    """Yield a client of the server at `url`; `direct` leaves proxies aside. Raises UsageError for what is no URL."""
    headers = {"Accept": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"X-Tenant": tenant} if tenant else {}
    timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"EVALLAB_URL: {url!r} is not a URL.", remedy="It begins with http:// or https://.")
    try:
        http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout, trust_env=not direct)
    except (httpx.InvalidURL, ValueError) as error:  # a header that cannot be sent is a ValueError
        raise UsageError(f"The server at {url!r} cannot be asked: {error}.") from None
    async with http:
        yield Client(http, url)


@contextmanager
def _translated(server: str) -> Iterator[None]:
    """Let failures of the connection, and answers that are no JSON, be errors of ours."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        why = str(error) or type(error).__name__
        remedy = "Is it running, and does EVALLAB_URL lead to it? --local works on this machine."
        raise ServerUnavailable(f"{server} cannot be reached: {why}", remedy=remedy) from error
