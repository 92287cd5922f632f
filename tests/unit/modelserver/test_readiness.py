"""Waiting for a server ends: with an answer, with a death, or with the time."""

from collections.abc import Callable

import httpx
import pytest

from evallab.api.errors import ModelServerFailed
from evallab.modelserver.interface import ServerFacts
from evallab.modelserver.readiness import probe, remedy_for, wait_until_ready

URL = "http://server:8000"


def client(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


async def wait(answer: Callable[[httpx.Request], httpx.Response], *, alive: bool = True, log: str = "") -> None:
    async with client(answer) as asked:
        await wait_until_ready(URL, "/health", timeout_s=0.3, alive=lambda: alive, log_tail=lambda: log, client=asked)


async def test_it_returns_once_the_server_is_healthy() -> None:
    answers = iter([httpx.Response(503), httpx.Response(200)])
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return next(answers)

    await wait(answer)
    assert seen == [URL + "/health"] * 2


async def test_a_dead_process_is_told_with_its_last_words() -> None:
    log = "\n".join(f"line {number}" for number in range(30)) + "\nOSError: [Errno 98] Address already in use"
    with pytest.raises(ModelServerFailed) as caught:
        await wait(lambda _: httpx.Response(503), alive=False, log=log)
    assert "process ended before it was ready" in caught.value.message
    assert "line 29" in caught.value.message
    assert "line 10\n" not in caught.value.message
    assert caught.value.remedy == "Another process took the port; run it again."


async def test_somebody_elses_server_on_the_port_is_not_ours() -> None:
    with pytest.raises(ModelServerFailed, match="process ended before it was ready"):
        await wait(lambda _: httpx.Response(200), alive=False)


async def test_silence_ends_with_the_time() -> None:
    with pytest.raises(ModelServerFailed, match=r"did not answer http://server:8000/health within 0\.3 s") as caught:
        await wait(lambda _: httpx.Response(503))
    assert "(the log is empty)" in caught.value.message


async def test_a_cause_far_above_the_end_of_the_log_is_told_and_long_lines_are_cut() -> None:
    log = "\n".join(["RuntimeError: head_dim=16", *["INFO: going down"] * 20, f"INFO: {'x' * 500}"])
    with pytest.raises(ModelServerFailed) as caught:
        await wait(lambda _: httpx.Response(503), alive=False, log=log)
    first, second, third, *tail = caught.value.message.splitlines()
    assert (first, second) == (
        "The model server's process ended before it was ready. It said:",
        "RuntimeError: head_dim=16",
    )
    assert (third, tail) == ("The end of its log:", ["INFO: going down"] * 14 + [f"INFO: {'x' * 394} …"])
    assert caught.value.remedy == "Look at the log above; other serve.args or another serve.version may help."


@pytest.mark.parametrize(
    ("log", "remedy"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory", "does not fit into memory"),
        ("ModuleNotFoundError: No module named 'gguf'", "install the extra"),
        ("error: unrecognized arguments: --x", "Check serve.args"),
        ("who knows", "Look at the log"),
    ],
)
def test_remedies(log: str, remedy: str) -> None:
    assert remedy in remedy_for(log)


@pytest.mark.parametrize("url", [URL, URL + "/", URL + "/v1", URL + "/v1/"])
async def test_probe(url: str) -> None:
    bodies = {
        "/v1/models": {"data": [{"id": "m", "root": "org/m", "max_model_len": 512}, {"id": "lora"}]},
        "/version": {"version": "0.32.0"},
    }
    async with client(lambda request: httpx.Response(200, json=bodies[request.url.path])) as asked:
        assert await probe(url, asked) == ServerFacts("m", "org/m", 512, "0.32.0", ("m", "lora"))


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[1]),
        httpx.Response(200, json={"data": 3, "version": 4}),
        httpx.Response(200, json={"data": [3]}),
    ],
)
async def test_probe_of_a_server_that_says_nothing(answer: httpx.Response) -> None:
    async with client(lambda _: answer) as asked:
        assert await probe(URL, asked) == ServerFacts()
