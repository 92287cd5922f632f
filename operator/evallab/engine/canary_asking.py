"""Asks a model server the fixed prompts of the canary, and reads whatever it gives: token ids, tokens, or only text.

Called by `engine.canary`. Nothing here fails a job: what does not come in time, or not at all, is missing, and the pass
says why. Requests carry the header `X-Evallab-Canary`, so that who counts questions can tell them apart.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

import httpx

from evallab.adapter.credentials import api_key
from evallab.adapter.endpoint import Endpoint, Route, endpoint
from evallab.api.contract import JobSpecModel
from evallab.api.errors import AdapterFailed
from evallab.engine import canary_replies
from evallab.modelserver.bounded import Bounded
from evallab.planning.canary_passes import Answer, Name, Pass
from evallab.store.interface import JobRow

Json = dict[str, Any]
SECONDS: Mapping[Name, float] = {"alone": 12.0, "at_once": 6.0, "again": 12.0}  #: 30 in all
HEADER = "X-Evallab-Canary"
REFUSALS = frozenset({400, 413, 422})  #: this prompt is refused, such as one that is too long
PASSING = frozenset({429, 502, 503, 504})
PAUSE_S = 0.5
CONNECT_S = 3.0  #: from afar: a server that is gone, or whose packets are dropped, costs no more
MOST_BYTES = 2**18  #: from afar, of a reply; an honest one has a twentieth of it
RETRIES = 5  #: from afar: a Service leads to its server some time after it is ready
_WAYS: tuple[tuple[Route, Json], ...] = (
    ("chat", {"logprobs": True, "top_logprobs": 2, "return_tokens_as_token_ids": True}),
    ("chat", {"logprobs": True, "top_logprobs": 2}),
    ("chat", {}),
    ("completions", {"logprobs": 2, "return_tokens_as_token_ids": True}),
    ("completions", {"logprobs": 2}),
    ("completions", {}),
)


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """The fixed prompts, as they are in the package; another version is compared with nothing of this one."""

    version: str
    max_tokens: int
    seed: int
    prompts: tuple[Json, ...]


@cache
def prompts() -> Prompts:
    """Return the prompts of this version of evallab."""
    kept = json.loads((files("evallab.engine") / "prompts" / "canary_1.json").read_text(encoding="utf-8"))
    return Prompts(**{**kept, "prompts": tuple(kept["prompts"])})


class Silent(Exception):
    """The server does not answer; the text says how."""


@dataclass
class _Asked:
    """One pass on its way."""

    name: Name
    model: str
    where: Endpoint
    client: httpx.AsyncClient
    way: tuple[Route, Json] | None = None
    answers: list[Answer | None] = field(default_factory=lambda: [None] * len(prompts().prompts))
    context: int | None = None

    async def all(self) -> None:
        """Ask everything; what was answered before a problem stays."""
        self.context = await _context(self.client, self.where, self.model)
        if self.name == "at_once":
            ends = await asyncio.gather(*map(self.one, range(len(self.answers))), return_exceptions=True)
            for error in filter(None, ends):
                raise error
            return
        for place in range(len(self.answers)):
            await self.one(place)

    async def one(self, place: int) -> None:
        """Ask one prompt; the first finds out how this server is asked."""
        ways = (self.way,) if self.way else _WAYS
        said = ""
        for way in ways:
            status, body = await self._post(place, way)
            if status < 400 and isinstance(answer := canary_replies.answer(way[0], body), Answer):
                self.way = way
                self.answers[place] = replace(answer, twin=prompts().prompts[place].get("twin"))
                return
            said = f"HTTP {status}" if status >= 400 else "its reply is not an answer"
            if status in {401, 403} or status in PASSING:
                break
        if not (self.way and status in REFUSALS):
            raise Silent(f"the server does not answer prompt {place + 1} ({said})")
        self.answers[place] = Answer(refused=status, twin=prompts().prompts[place].get("twin"))

    async def _post(self, place: int, way: tuple[Route, Json]) -> tuple[int, Any]:
        """Ask once, and again while the server says that it has too much to do: the deadline of the pass ends that."""
        while True:
            reply = await self.client.post(self.where.route(way[0]), json=_payload(place, way, self.model))
            if reply.status_code not in PASSING:
                return reply.status_code, canary_replies.content(reply)
            await asyncio.sleep(PAUSE_S)


def _payload(place: int, way: tuple[Route, Json], model: str) -> Json:
    """Return the body of a request. A prompt with a twin leaves the sampling to the server: so its defaults show."""
    known, prompt = prompts(), prompts().prompts[place]
    greedy = {} if "twin" in prompt else {"temperature": 0}
    said = {"messages": prompt["chat"]} if way[0] == "chat" else {"prompt": prompt["completion"]}
    return {"model": model, **said, "max_tokens": known.max_tokens, "seed": known.seed, **greedy, **way[1]}


async def _context(client: httpx.AsyncClient, where: Endpoint, model: str) -> int | None:
    """Return how many tokens the server says it takes."""
    reply = await client.get(where.models)
    return canary_replies.context(canary_replies.content(reply), model) if reply.status_code < 400 else None


async def ask(name: Name, job: JobRow, url: str, alone: Pass | None = None, *, afar: bool = False) -> Pass:
    """Ask all prompts, in the way that `alone` was asked; return what was answered in time.

    From `afar` it is asked by a process that works for many: no credential is read or sent, and no more is taken than
    fits.
    """
    started, empty = time.monotonic(), Pass(prompts=prompts().version, answers=(None,) * len(prompts().prompts))
    if alone is not None and not alone.answered:
        return replace(empty, missing=alone.missing)
    try:
        where = endpoint(url)
        client = _from_afar(name) if afar else _from_here(name, job, where, url)
    except (AdapterFailed, OSError) as error:
        return replace(empty, missing=str(error))
    async with client:
        asked = _Asked(name=name, model=job.spec.model.name, where=where, client=client, way=_way(alone))
        missing = await _bounded(asked)
    return replace(
        empty,
        route=asked.way[0] if asked.way else "",
        detail=_detail(asked),
        context=asked.context,
        answers=tuple(asked.answers),
        missing=missing,
        seconds=round(time.monotonic() - started, 3),
    )


def _from_here(name: Name, job: JobRow, where: Endpoint, url: str) -> httpx.AsyncClient:
    headers = {HEADER: name, **_authorised(job, url)}
    return httpx.AsyncClient(timeout=SECONDS[name], headers=headers, trust_env=not where.local)


def _from_afar(name: Name) -> httpx.AsyncClient:
    ways = Bounded(most=MOST_BYTES, retries=RETRIES)
    timeout = httpx.Timeout(SECONDS[name], connect=CONNECT_S)
    return httpx.AsyncClient(transport=ways, timeout=timeout, headers={HEADER: name}, trust_env=False)


async def _bounded(asked: _Asked) -> str:
    """Ask until the pass has no time left; return why answers are missing, "" when none is."""
    try:
        async with asyncio.timeout(SECONDS[asked.name]):
            await asked.all()
    except TimeoutError:
        answered = sum(each is not None for each in asked.answers)
        return f"{answered} of {len(asked.answers)} prompts were answered within {SECONDS[asked.name]:g} s"
    except Silent as error:
        return str(error)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return f"the server does not answer: {str(error) or type(error).__name__}"
    return ""


def _way(alone: Pass | None) -> tuple[Route, Json] | None:
    """Return how the first pass was asked."""
    if alone is None:
        return None
    fits = {"token ids": 0, "tokens": 1, "text": 2}.get(alone.detail, 2)
    return _WAYS[fits + (0 if alone.route == "chat" else 3)]


def _detail(asked: _Asked) -> str:
    """Say what there is to compare; a server may ignore that it was asked for ids."""
    first = next((each for each in asked.answers if each is not None and each.tokens), None)
    if first is None or first.tokens is None:
        return "text" if any(asked.answers) else ""
    return "token ids" if first.tokens[0].startswith("token_id:") else "tokens"


def _authorised(job: JobRow, url: str) -> dict[str, str]:
    secret = job.spec.model.secret_ref
    key = api_key(JobSpecModel(name=job.spec.model.name, url=url, auth={"secret_ref": secret})) if secret else None
    return {"Authorization": f"Bearer {key}"} if key else {}
