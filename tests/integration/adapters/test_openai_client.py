"""The client against servers that misbehave: what is asked again, what is missing, what ends the attempt."""

import asyncio
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.integration.adapters.servers import Asked, Recording, Reply, serving, socket_port

from evallab.adapter.answer import NO_CONTENT, OVERLOADED, REFUSED, TOO_LONG, UNREACHABLE, Answer, Request
from evallab.adapter.client import OpenAIClient
from evallab.adapter.connection import Connection, Patience
from evallab.adapter.endpoint import endpoint
from evallab.adapter.spool import Spool
from evallab.api.errors import AdapterFailed, ModelServerFailed

QUICK = Patience(concurrency=4, deadline=5.0, retries=3, pause=0.01)


def said(text: Any = "four", **choice: Any) -> Reply:
    usage = {"prompt_tokens": 3, "completion_tokens": 1}
    return 200, {"choices": [{"index": 0, "text": text, "finish_reason": "stop", **choice}], "usage": usage}, {}


def refused(status: int, message: str = "no", **headers: str) -> Reply:
    return status, {"error": {"message": message}}, headers


def questions(count: int) -> list[Request]:
    return [Request(route="completions", payload={"prompt": f"{n}", "max_tokens": 4}) for n in range(count)]


async def ask(
    server: Recording,
    requests: list[Request],
    *,
    patience: Patience = QUICK,
    spool: Spool | None = None,
    key: str | None = None,
) -> list[Answer]:
    async with Connection(key=key, patience=patience) as connection:
        return await OpenAIClient(endpoint(server.url), connection).ask_all(requests, spool=spool)


async def test_answers_come_in_the_order_of_the_questions_over_few_connections() -> None:
    with serving(lambda asked, _: said(f"<{asked.body['prompt']}>")) as server:
        answers = await ask(server, questions(50), key="secret")
    assert [each.text for each in answers] == [f"<{n}>" for n in range(50)]
    assert {each.headers["Authorization"] for each in server.asked} == {"Bearer secret"}
    assert {(each.prompt_tokens, each.completion_tokens, each.finish_reason) for each in answers} == {(3, 1, "stop")}


async def test_no_more_than_so_many_are_asked_at_once() -> None:
    now, most = Counter[str](), []

    def respond(_asked: Asked, _before: int) -> Reply:
        now["open"] += 1
        most.append(now["open"])
        time.sleep(0.02)
        now["open"] -= 1
        return said()

    with serving(respond) as server:
        await ask(server, questions(40))
    assert 2 <= max(most) <= 4


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_what_passes_is_asked_again(status: int) -> None:
    with serving(lambda _, before: refused(status) if before < 2 else said()) as server:
        [answer] = await ask(server, questions(1))
    assert (answer.text, len(server.asked)) == ("four", 3)


async def test_retry_after_is_honoured() -> None:
    with serving(lambda _, before: refused(429, **{"Retry-After": "1"}) if before < 1 else said()) as server:
        began = time.monotonic()
        [answer] = await ask(server, questions(1))
    assert answer.text == "four"
    assert 1.0 <= time.monotonic() - began < 3.0


async def test_a_hang_up_and_a_hang_are_asked_again() -> None:
    def respond(_asked: Asked, before: int) -> Reply:
        if before == 0:
            return 0, None, {}
        if before == 1:
            time.sleep(1.0)
        return said()

    with serving(respond) as server:
        [answer] = await ask(server, questions(1), patience=Patience(deadline=0.3, retries=3, pause=0.01))
    assert (answer.text, len(server.asked)) == ("four", 3)


async def test_what_does_not_pass_is_missing_for_its_sample_only() -> None:
    with serving(lambda asked, _: refused(503, "busy") if asked.body["prompt"] == "1" else said()) as server:
        answers = await ask(server, questions(3))
    assert [each.error_kind for each in answers] == [None, OVERLOADED, None]
    assert answers[1].error == "The model server answered HTTP 503: busy"
    assert Counter(each.body["prompt"] for each in server.asked) == {"0": 1, "1": 4, "2": 1}


@pytest.mark.parametrize(
    ("message", "kind"),
    [("This model's maximum context length is 512 tokens.", TOO_LONG), ("unknown field", REFUSED)],
)
async def test_a_bad_request_is_never_repeated(message: str, kind: str) -> None:
    with serving(lambda _, __: refused(400, message)) as server:
        [answer] = await ask(server, questions(1))
    assert (answer.error_kind, len(server.asked)) == (kind, 1)
    assert message in str(answer.error)


@pytest.mark.parametrize(("status", "sentence"), [(401, "credentials"), (403, "credentials"), (404, "this model")])
async def test_what_can_never_work_ends_everything_at_once(status: int, sentence: str) -> None:
    with serving(lambda _, __: refused(status)) as server, pytest.raises(AdapterFailed, match=sentence):
        await ask(server, questions(100))
    assert len(server.asked) <= 4


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        (said(None), NO_CONTENT, None),
        (said(None, finish_reason="length"), NO_CONTENT, None),
        (said("", finish_reason=None), NO_CONTENT, None),
        (said("x", finish_reason="content_filter"), REFUSED, None),
        ((200, {"choices": []}, {}), NO_CONTENT, None),
        ((200, "<html>", {}), UNREACHABLE, None),
        (said(""), None, ""),  # the model ended by itself: an answer, and a wrong one
    ],
)
async def test_the_absence_of_an_answer_is_not_an_answer(reply: Reply, kind: str | None, text: str | None) -> None:
    with serving(lambda _, __: reply) as server:
        [answer] = await ask(server, questions(1))
    assert (answer.error_kind, answer.text) == (kind, text)


async def test_a_dead_server_ends_the_attempt_so_that_it_can_resume() -> None:
    with socket_port() as port:
        pass
    with pytest.raises(ModelServerFailed, match="stopped answering"):
        await ask(Recording(url=f"http://127.0.0.1:{port}"), questions(1000), patience=Patience(retries=1, pause=0.0))


async def test_the_spool_answers_what_was_answered_and_only_that(tmp_path: Path) -> None:
    def respond(asked: Asked, _before: int) -> Reply:
        return refused(400) if asked.body["prompt"] == "2" else said(f"<{asked.body['prompt']}>")

    requests = [*questions(4), *questions(1)]  # the first is asked twice: repeats are questions of their own
    with serving(respond) as server:
        spool = Spool(tmp_path / "answers.jsonl")
        first = await ask(server, requests, spool=spool)
        spool.close()
        server.asked.clear()
        spool = Spool(tmp_path / "answers.jsonl")
        second = await ask(server, requests, spool=spool)
        spool.close()
    assert [each.body["prompt"] for each in server.asked] == ["2"]
    assert second == first
    assert [each.resumed for each in second] == [True, True, False, True, True]


async def test_the_spool_is_on_disk_within_a_second(tmp_path: Path) -> None:
    def respond(asked: Asked, _before: int) -> Reply:
        time.sleep(2.5 if asked.body["prompt"] == "1" else 0)
        return said()

    path = tmp_path / "answers.jsonl"
    with serving(respond) as server:
        asking = asyncio.create_task(ask(server, questions(2), spool=Spool(path)))
        await asyncio.sleep(1.6)
        assert path.read_text().count("\n") == 1
        await asking
    assert path.read_text().count("\n") == 2


async def test_an_overloaded_server_is_asked_less_at_a_time_until_it_keeps_up() -> None:
    """A server that refuses more than three at once gets fewer, answers everything, and nothing is lost."""
    now, most = Counter[str](), [0]
    lock = threading.Lock()

    def respond(asked: Asked, _before: int) -> Reply:
        with lock:
            now["open"] += 1
            most[0] = max(most[0], now["open"])
            busy = now["open"] > 3
        time.sleep(0.01)
        with lock:
            now["open"] -= 1
        return refused(429) if busy else said(asked.body["prompt"])

    patience = Patience(concurrency=16, deadline=5.0, retries=10, pause=0.01)
    with serving(respond) as server:
        async with Connection(patience=patience) as connection:
            answers = await OpenAIClient(endpoint(server.url), connection).ask_all(questions(150))
    assert [each.text for each in answers] == [str(n) for n in range(150)]
    kept = connection.width.to_json()
    assert (kept["start"], kept["highest"]) == (16, 16)
    assert kept["lowest"] <= 4
    assert kept["back_offs"] >= 2


async def test_a_server_that_only_refuses_ends_the_attempt_early_and_what_came_before_is_kept(tmp_path: Path) -> None:
    """A proxy in front of a server that died answers 502 for ever: that is no reason to ask ten thousand times."""
    patience = Patience(concurrency=4, deadline=5.0, retries=2, pause=0.001, give_up_after=6)
    with serving(lambda _, before: said() if before < 10 else refused(502)) as server:
        spool = Spool(tmp_path / "answers.jsonl")
        with pytest.raises(
            ModelServerFailed, match="6 requests in a row failed after all their tries, the last with: HTTP 502"
        ):
            await ask(server, questions(10_000), patience=patience, spool=spool)
        spool.close()
        assert len(server.asked) <= 10 + (6 + 4) * 3
    assert (tmp_path / "answers.jsonl").read_text().count("\n") == 10


async def test_a_request_has_one_deadline_for_all_its_tries() -> None:
    patience = Patience(concurrency=1, deadline=0.3, request_deadline=0.5, retries=100, pause=0.01)

    def respond(asked: Asked, _before: int) -> Reply:
        time.sleep(1.0 if asked.body["prompt"] == "0" else 0)
        return said()

    with serving(respond) as server:
        answers = await ask(server, questions(2), patience=patience)
    assert [each.error_kind for each in answers] == [UNREACHABLE, None]
    assert Counter(each.body["prompt"] for each in server.asked)["0"] == 2


async def test_timeouts_are_a_reason_to_ask_less_at_a_time() -> None:
    patience = Patience(concurrency=4, deadline=0.2, retries=5, pause=0.01)

    def respond(_asked: Asked, before: int) -> Reply:
        time.sleep(0.6 if before < 4 else 0)
        return said()

    with serving(respond) as server:
        async with Connection(patience=patience) as connection:
            answers = await OpenAIClient(endpoint(server.url), connection).ask_all(questions(4))
    assert [each.text for each in answers] == ["four"] * 4
    assert connection.width.to_json()["back_offs"] == 1


async def test_connections_are_kept_open() -> None:
    ports = set()

    def respond(asked: Asked, _before: int) -> Reply:
        ports.add(threading.current_thread().ident)  # this server has a thread for each connection
        return said()

    with serving(respond) as server:
        await ask(server, questions(60))
    assert len(ports) <= 4
