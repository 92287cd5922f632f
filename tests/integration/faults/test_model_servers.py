"""Model servers that are absent, die, refuse or babble, asked by the real adapter of lm-evaluation-harness."""

import asyncio
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.adapters.servers import Asked, Json, Reply, proxying, reference_server, socket_port
from tests.integration.faults.jobs import PATIENCE_S, environ, job, run, until

from evallab.api.job import Benchmark, EvalJob, Model, Serve
from evallab.catalog import builtin
from evallab.local.lab import Lab, open_lab
from evallab.settings import Settings
from evallab.store.interface import JobSnapshot

pytestmark = pytest.mark.slow
LIMIT = 6
HURRIED = {"limit": LIMIT, "concurrency": 1, "max_retries": 1, "timeout": 2}
COMPLETIONS = "/v1/completions"


@pytest.fixture(scope="module")
def reference() -> Iterator[str]:
    with reference_server() as url:
        yield url


@pytest.fixture
async def harness(settings: Settings) -> AsyncIterator[Lab]:
    async with open_lab(settings, builtin(), environ=environ() | {"HF_HUB_OFFLINE": "1"}) as lab:
        yield lab


def asking(url: str, **fields: Any) -> EvalJob:
    benchmark = Benchmark(provider_id="lm_evaluation_harness", id="demo_arith", parameters=HURRIED)
    model = Model(name="demo", url=f"{url}/v1")
    return EvalJob(name="job", benchmarks=(benchmark,), **({"model": model, "retries": 0} | fields))


class Spoiler:
    """Answers one question of many wrongly, as often as it is asked; the first is the preflight's."""

    def __init__(self, spoil: Callable[[Json], Json | Reply]) -> None:
        self.spoil, self.seen = spoil, list[str]()

    def __call__(self, asked: Asked, _before: int, body: Json) -> Json | Reply:
        if asked.path != COMPLETIONS:
            return body
        question = json.dumps(asked.body["prompt"])
        if question not in self.seen:
            self.seen.append(question)
        return self.spoil(body) if self.seen.index(question) == 3 else body


async def one_spoiled(harness: Lab, reference: str, spoil: Callable[[Json], Json | Reply], words: str) -> None:
    """One question is not answered: it is missing, says why, and is not counted as wrong; the others are scored."""
    with proxying(reference, Spoiler(spoil)) as proxy:
        done = await run(harness, asking(proxy.url))
    assert (done.job.state, len(done.attempts)) == ("completed", 1), done.job.message
    samples = await harness.store.samples(done.job.id, 0)
    assert [sample.doc_id for sample in samples] == list(range(LIMIT))
    [missing] = [sample for sample in samples if sample.error]
    assert words in str(missing.error)
    [score] = await harness.store.scores(done.job.id, primary_only=True)
    assert (score.n, score.n_errors) == (LIMIT - 1, 1)
    assert score.validity != "valid"


async def failed(harness: Lab, url: str, words: str) -> JobSnapshot:
    done = await run(harness, asking(url))
    assert (done.job.state, done.job.reason) == ("failed", "AdapterFailed"), done.job.message
    assert words in (done.job.message or "")
    assert await harness.store.samples(done.job.id, 0) == []
    return done


async def test_missing(harness: Lab) -> None:
    """Nobody listens where the model server should be.

    Ends: failed, `AdapterFailed`, after the retries
    Told: the address that cannot be reached, and why
    Kept: log and events; no score
    """
    with socket_port() as port:
        pass
    done = await failed(harness, f"http://127.0.0.1:{port}", "cannot be reached")
    assert done.job.reason == "AdapterFailed"


async def test_answers_nothing_at_all(harness: Lab, reference: str) -> None:
    """The model server takes every question and never answers.

    Ends: failed, `AdapterFailed`, after the retries
    Told: that there was no answer within `timeout`
    Kept: log and events; no score
    """

    def silent(asked: Asked, _before: int, body: Json) -> Json | Reply:
        if asked.path == COMPLETIONS:
            time.sleep(PATIENCE_S)
        return body

    with proxying(reference, silent) as proxy:
        await failed(harness, proxy.url, "no answer within")


async def test_dies_in_the_middle(harness: Lab, reference: str) -> None:
    """A model server that evallab did not start dies in the middle of a job, and comes back.

    Ends: completed by a retry; without retries failed, `AdapterFailed`
    Told: that the model server stopped answering
    Kept: the answers so far: the next attempt asks only what is missing, no sample is lost or doubled
    """
    alive, answered = threading.Event(), list[str]()
    alive.set()

    def die(asked: Asked, _before: int, body: Json) -> Json | Reply:
        question = asked.path == COMPLETIONS and asked.body["max_tokens"] > 1  # the preflight asks for one token
        if question and len(answered) == 3:
            alive.clear()
        if not alive.is_set():
            return 0, None, {}
        if question:
            answered.append(json.dumps(asked.body["prompt"]))
        return body

    with proxying(reference, die) as proxy:
        job_id = await harness.submit(asking(proxy.url, retries=3), manifest="", manifest_dir=None)
        running = asyncio.create_task(harness.run(job_id))

        async def first_attempt_ended() -> bool:
            return any(each.state == "failed" for each in (await harness.store.snapshot(job_id)).attempts)

        await until(first_attempt_ended)
        answered.append("the server is back")
        alive.set()
        await running
    done = await harness.store.snapshot(job_id)
    assert done.job.state == "completed", done.job.message
    assert done.attempts[0].reason == "AdapterFailed"
    samples = await harness.store.samples(job_id, 0)
    assert [(each.doc_id, each.error) for each in samples] == [(number, None) for number in range(LIMIT)]
    assert set(Counter(answered).values()) == {1}


async def test_own_server_dies(lab: Lab, tmp_path: Path) -> None:
    """The model server that evallab started dies in the middle of a job, and again each time it is restarted.

    Ends: failed, `ModelServerFailed`; its benchmarks are stopped first, `ModelServerDied`
    Told: how often it died, and the end of its log
    Kept: log, events and answers so far; `evallab resume` goes on with them
    """
    command = f'echo once more >&2; exec timeout 3 {sys.executable} -m http.server --bind 127.0.0.1 "$PORT"'
    serve = Serve(runtime="custom", command=command, health_path="/")
    done = await run(lab, job("time.sleep(600)", model=Model(name="m", serve=serve)))
    assert (done.job.state, done.job.reason) == ("failed", "ModelServerFailed"), done.job.message
    assert "died" in (done.job.message or "")
    assert "once more" in (done.job.message or "")
    assert {each.reason for each in done.attempts} == {"ModelServerDied"}


async def test_answers_429_for_a_while(harness: Lab, reference: str) -> None:
    """The model server answers 429 (too many requests) for a while.

    Ends: completed; `Retry-After` is honoured
    Told: nothing
    Kept: every sample, once
    """
    with proxying(reference, lambda _, before, body: (429, {}, {"Retry-After": "0"}) if before == 2 else body) as proxy:
        done = await run(harness, asking(proxy.url))
    assert done.job.state == "completed", done.job.message
    samples = await harness.store.samples(done.job.id, 0)
    assert [(each.doc_id, each.error) for each in samples] == [(number, None) for number in range(LIMIT)]


async def test_answers_429_for_ever(harness: Lab, reference: str) -> None:
    """The model server answers nothing but 429.

    Ends: failed, `AdapterFailed`, after the retries
    Told: the status and the server's own words
    Kept: log and events; no score
    """
    with proxying(reference, lambda *_: (429, {"error": "busy"}, {"Retry-After": "0"})) as proxy:
        await failed(harness, proxy.url, "429")


async def test_answers_500(harness: Lab, reference: str) -> None:
    """The model server answers 500 to a question, however often it is asked.

    Ends: completed; the score is degraded or invalid
    Told: how many questions were not answered; each says why
    Kept: every sample; the question is missing, not wrong
    """
    await one_spoiled(harness, reference, lambda _: (500, {"error": "broken"}, {}), "500")


async def test_answers_400_too_long(harness: Lab, reference: str) -> None:
    """The model server answers 400: the prompt is too long.

    Ends: completed; the score is degraded or invalid
    Told: how many questions were not answered; the question says `too_long` and the server's words
    Kept: every sample; the question is missing, not wrong, and was never shortened
    """
    body = {"error": {"message": "This model's maximum context length is 8 tokens"}}
    await one_spoiled(harness, reference, lambda _: (400, body, {}), "too long")


async def test_answers_garbage(harness: Lab, reference: str) -> None:
    """The model server answers garbage.

    Ends: completed; the score is degraded or invalid
    Told: how many questions were not answered; the question says that the reply is not JSON
    Kept: every sample; the question is missing, not wrong
    """
    await one_spoiled(harness, reference, lambda _: (200, "<html>busy</html>", {}), "not JSON")


async def test_answers_null(harness: Lab, reference: str) -> None:
    """The model server answers with a null content.

    Ends: completed; the score is degraded or invalid
    Told: how many questions were not answered; the question says that there was no text
    Kept: every sample; the question is missing, not wrong
    """
    await one_spoiled(harness, reference, lambda body: {**body, "choices": [{**body["choices"][0], "text": None}]}, "")


async def test_answers_one_question_never(harness: Lab, reference: str) -> None:
    """The model server never answers one of the questions.

    Ends: completed; the score is degraded or invalid
    Told: how many questions were not answered; the question says that there was no answer within `timeout`
    Kept: every sample; the question is missing, not wrong
    """

    def silent(_body: Json) -> Reply:
        time.sleep(5)
        return 200, None, {}

    await one_spoiled(harness, reference, silent, "no answer within")
