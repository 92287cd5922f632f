"""The canary of an operator that many share: it asks servers of others, which may do anything."""

import asyncio
import gzip
import json
import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from tests.integration.controller.pages import Pages, serving
from tests.integration.engine.drifting import NAME

from evallab.api.job import EvalJob, Model, Serve
from evallab.engine import canary, canary_asking
from evallab.engine.canary import Canaries
from evallab.modelserver.counters import CounterPage
from evallab.planning.canary_passes import Pass
from evallab.store.interface import JobRow, Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def row(job_id: str = "j", **model: Any) -> JobRow:
    spec = EvalJob(name="j", model=Model(name=NAME, **model))
    return JobRow(id=job_id, name="j", spec=spec, state="running", created_at=NOW, runtime="kubernetes")


SERVED = Serve(runtime="reference")


async def test_no_credential_is_read_or_sent_whatever_a_job_names(tmp_path: Path) -> None:
    (tmp_path / "api-key").write_text("the operator's own")
    with serving(Pages()) as pages:
        url = f"http://127.0.0.1:{pages.port}/v1"
        await canary_asking.ask("alone", row(secret_ref=tmp_path.as_uri(), serve=SERVED), url, afar=True)
    assert pages.asked != []
    assert [each for each in pages.seen if "Authorization" in each or "the operator's own" in str(each)] == []


async def test_a_service_that_leads_to_its_server_only_after_a_moment_is_waited_for() -> None:
    reply = {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9}}
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nobody listens yet: refused, as a Service without endpoints is
        port = held.getsockname()[1]
        url = f"http://127.0.0.1:{port}/v1"
        asking = asyncio.create_task(canary_asking.ask("alone", row(serve=SERVED), url, afar=True))
        await asyncio.sleep(0.7)
        assert not asking.done()
    with serving(Pages({"/v1/models": "{}", "/v1/chat/completions": json.dumps(reply)}), port=port):
        found = await asking
    assert (found.answered, found.missing) == (16, "")


@pytest.mark.parametrize(
    ("text", "headers", "why"),
    [
        ("x" * (5 << 20), {}, "the server does not answer: the reply is too long"),
        ("{}", {"Content-Encoding": "gzip"}, "the server does not answer: the reply is compressed"),
    ],
    ids=["endless", "compressed"],
)
async def test_a_reply_that_does_not_fit_is_not_taken(text: str, headers: dict[str, str], why: str) -> None:
    assert len(gzip.compress(bytes(64 << 20))) < 1 << 20  # why what is compressed is refused
    with serving(Pages({"/v1/models": text, "/metrics": text}, headers=headers)) as pages:
        url = f"http://127.0.0.1:{pages.port}/v1"
        found = await canary_asking.ask("alone", row(url=url), url, afar=True)
        page = CounterPage(url)
        assert await page.read() is None
        await page.close()
    assert (found.answered, found.missing[: len(why)]) == (0, why)


class Slow:
    """A store that remembers nothing, and whose asking is counted."""

    saved: list[str]

    def __init__(self) -> None:
        self.saved = []

    async def canary(self, job_id: str) -> None:
        del job_id

    async def save_canary_pass(self, job_id: str, name: str, body: Any, *, now: datetime) -> None:
        del name, body, now
        self.saved.append(job_id)


async def test_no_more_servers_are_asked_at_once_than_said_and_all_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    going, most = 0, 0

    async def ask(name: str, job: JobRow, *_: Any, **__: Any) -> Pass:
        nonlocal going, most
        going += 1
        most = max(most, going)
        await asyncio.sleep(0.001)
        going -= 1
        return Pass(prompts="1", answers=(None,))

    monkeypatch.setattr(canary_asking, "ask", ask)
    store, changed = Slow(), list[str]()
    canaries = Canaries(cast("Store", store), now=lambda: NOW, changed=changed.append, afar=True)
    jobs = [replace(row(serve=SERVED), id=f"j{number}") for number in range(5 * canary.AT_ONCE)]
    for each in jobs:
        canaries.start(each, "http://x/v1", last=False)
        assert await canaries.state(each) == "asking"
    async with asyncio.timeout(60):
        await asyncio.gather(*canaries._asking.values())
    assert most == canary.AT_ONCE
    assert sorted(changed) == sorted(each.id for each in jobs)
    assert len(store.saved) == 2 * len(jobs)
    await canaries.stop_all()
