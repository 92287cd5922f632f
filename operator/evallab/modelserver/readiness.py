"""Waiting for a model server, with an end, and asking a ready one who it is; the engine calls both after a start."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from evallab.api.errors import ModelServerFailed
from evallab.modelserver.interface import ServerFacts
from evallab.modelserver.signs import cause, meaning

LOG_LINES = 400  #: so much of a log is looked at: a cause stands above what else fails because of it
_SHOWN_LINES = 15
_SHOWN_CHARACTERS = 400  #: of a line: vLLM lists all architectures that it knows in one
_SICK = 3  #: so many answers other than 200, one after the other, are a dead engine
_SICK_POLL_S = 1.0
_POLL_S = 0.05
_POLL_MAX_S = 1.0
_SLOW_REMEDY = "Look at the log above; a large model may need a longer start-up time."
_REMEDY = "Look at the log above; other serve.args or another serve.version may help."


async def wait_until_ready(
    url: str,
    health_path: str,
    *,
    timeout_s: float,
    alive: Callable[[], bool],
    log_tail: Callable[[], str],
    client: httpx.AsyncClient | None = None,
) -> None:
    """Return once `url` + `health_path` answers 200; raise ModelServerFailed when the process died or time is up.

    `alive` says whether the process still runs, `log_tail` gives the end of its log for the message.
    """
    if client is None:
        async with _client() as own:
            return await wait_until_ready(
                url, health_path, timeout_s=timeout_s, alive=alive, log_tail=log_tail, client=own
            )
    health = url.rstrip("/") + health_path
    try:
        async with asyncio.timeout(timeout_s):
            await _poll(client, health, alive, log_tail)
    except TimeoutError:
        why = f"The model server did not answer {health} within {timeout_s:g} s."
        raise failure(why, log_tail(), remedy=_SLOW_REMEDY) from None


async def _poll(client: httpx.AsyncClient, health: str, alive: Callable[[], bool], log_tail: Callable[[], str]) -> None:
    pause = _POLL_S
    while True:
        healthy = await _healthy(client, health)
        if not alive():  # asked first: somebody else's server may answer on the port that ours did not get
            raise failure("The model server's process ended before it was ready.", log_tail())
        if healthy:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _POLL_MAX_S)


async def probe(url: str, client: httpx.AsyncClient | None = None) -> ServerFacts:
    """Return what the server at `url` (with or without /v1) says about itself; silence gives empty facts."""
    if client is None:
        async with _client() as own:
            return await probe(url, own)
    root = url.rstrip("/").removesuffix("/v1")
    models = [each for each in _items(await _json(client, root + "/v1/models")) if isinstance(each, dict)]
    first = models[0] if models else {}
    version = await _json(client, root + "/version")
    return ServerFacts(
        id=_text(first.get("id")),
        root=_text(first.get("root")),
        max_model_len=_positive(first),
        version=_text(version.get("version")) if isinstance(version, dict) else None,
        models=tuple(str(each["id"]) for each in models if "id" in each),
    )


async def until_unhealthy(url: str, health_path: str, client: httpx.AsyncClient | None = None) -> str:
    """Watch a server that was ready; return what it says when its engine is dead, while its process lives on.

    Silence is no sign: a busy server may be slow. An answer other than 200, several times, is.
    """
    if client is None:
        async with _client() as own:
            return await until_unhealthy(url, health_path, own)
    sick, status = 0, 200
    while sick < _SICK:
        await asyncio.sleep(_SICK_POLL_S)
        try:
            status = (await client.get(url.rstrip("/") + health_path)).status_code
        except httpx.HTTPError:
            continue
        sick = 0 if status == httpx.codes.OK else sick + 1
    return f"{health_path} answers {status}"


def remedy_for(log: str) -> str:
    """Return what the user can do about a server that ended with this log."""
    found = meaning(log.splitlines())
    return found.remedy if found else _REMEDY


def failure(why: str, log: str, *, remedy: str = _REMEDY) -> ModelServerFailed:
    """Return what happened with what the log means: the line that tells, its end, and what to do (else `remedy`)."""
    lines = log.strip().splitlines()
    found, told, tail = meaning(lines), _cut(cause(lines)), "\n".join(map(_cut, lines[-_SHOWN_LINES:]))
    reason = f"{why} {found.reason}" if found else why
    said = "" if told in tail else f" It said:\n{told}\n"
    return ModelServerFailed(
        f"{reason}{said or ' '}The end of its log:\n{tail or '(the log is empty)'}\n",
        remedy=found.remedy if found else remedy,
    )


def _cut(line: str) -> str:
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]} …"


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=5.0, trust_env=False)  # a proxy from the environment never reaches a local port


async def _healthy(client: httpx.AsyncClient, health: str) -> bool:
    try:
        return (await client.get(health)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


async def _json(client: httpx.AsyncClient, url: str) -> Any:
    try:
        answer = await client.get(url)
        return answer.json() if answer.status_code == httpx.codes.OK else None
    except (httpx.HTTPError, ValueError):
        return None


def _items(body: Any) -> list[Any]:
    data = body.get("data") if isinstance(body, dict) else None
    return data if isinstance(data, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _positive(model: dict[str, Any]) -> int | None:
    value = model.get("max_model_len")
    return value if isinstance(value, int) and value > 0 else None
