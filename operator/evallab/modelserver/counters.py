"""What a running model server counts, from its page for Prometheus: vLLM's, llama.cpp's, and the reference server's.

`engine.watching` asks every ten seconds. A server without such a page, or with other names on it, says nothing.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from evallab.modelserver.bounded import Bounded

_TOKENS = ("vllm:generation_tokens_total", "evallab:generation_tokens_total", "llamacpp:tokens_predicted_total")
_WAITING = ("vllm:num_requests_waiting", "evallab:num_requests_waiting", "llamacpp:requests_deferred")
MOST_BYTES = 2**20  #: of a page; vLLM's has about a tenth of it
_PREEMPTIONS = ("vllm:num_preemptions_total",)


@dataclass(frozen=True, kw_only=True)
class ServerCounters:
    """Counted since the server started, except `waiting`, which is now; None where it does not say."""

    tokens: float | None = None
    waiting: float | None = None
    preemptions: float | None = None


def counters(page: str) -> ServerCounters:
    """Read a page; what several engines behind one server say is added up."""
    lines = [line for line in page.splitlines() if line.startswith(("vllm:", "evallab:", "llamacpp:"))]
    return ServerCounters(
        tokens=_sum(lines, _TOKENS), waiting=_sum(lines, _WAITING), preemptions=_sum(lines, _PREEMPTIONS)
    )


def _sum(lines: Iterable[str], names: tuple[str, ...]) -> float | None:
    found = [value for line in lines if (value := _value(line, names)) is not None]
    return sum(found) if found else None


def _value(line: str, names: tuple[str, ...]) -> float | None:
    if line.partition("{")[0].partition(" ")[0] not in names:
        return None
    try:
        return float(line.rpartition("}")[2].split()[0] if "}" in line else line.split()[1])
    except (ValueError, IndexError):
        return None


def page_of(url: str) -> str:
    """Return where the server at `url`, with or without /v1, has its page for Prometheus."""
    return url.rstrip("/").removesuffix("/v1") + "/metrics"


class CounterPage:
    """The page of one server, on a connection that is kept; to be closed."""

    def __init__(self, url: str, *, timeout_s: float = 2.0) -> None:
        """`url` is the server's, with or without /v1. A server of ours is asked without TLS."""
        self._url = page_of(url)
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(transport=Bounded(most=MOST_BYTES), timeout=timeout_s)

    async def read(self) -> ServerCounters | None:
        """Return what it counted so far; None when it does not answer in time."""
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._client.get(self._url)
        except (httpx.HTTPError, TimeoutError):
            return None
        return counters(answer.text) if answer.status_code == httpx.codes.OK else None

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()
