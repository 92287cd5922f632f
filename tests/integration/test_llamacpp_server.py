"""llama.cpp's server on the bundled GGUF files, and the reference engine against it: two engines, one model."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from evallab.modelserver import ServeRequest, server
from evallab.modelserver.bundled import bundled
from evallab.modelserver.readiness import probe

PROMPTS = [
    *(f"Question: What is {a} {op} {b}?\nAnswer:" for a, op, b in ((12, "+", 30), (97, "-", 8), (45, "+", 46))),
    *(
        f"Question: {name} has {a} {item}. {name} gives {b} {item} to Otto. "
        f"How many {item} does {name} have now?\nAnswer:"
        for name, a, b, item in (("Ada", 40, 12, "coins"), ("Bo", 71, 9, "books"), ("Gia", 33, 17, "nails"))
    ),
    *(
        f"Question: There are {a} {item} in a box. Kai puts {b} more into it. How many {item} are in the box?\nAnswer:"
        for a, b, item in ((21, 64, "keys"), (8, 5, "cups"), (150, 31, "seeds"), (19, 80, "cards"))
    ),
    *(f"Question: Copy this list: {words}.\nAnswer:" for words in ("ant, moon, key", "salt, urn, yard, bell")),
    *(f"Question: Sort these words by alphabet: {w}.\nAnswer:" for w in ("river, cat, lamp", "sun, boat, jar, milk")),
    *(f"Question: Write this list in reverse order: {w}.\nAnswer:" for w in ("egg, fish, gate", "hill, ring, nest")),
    "Question: Sort these numbers from low to high: 61, 7, 23, 88.\nAnswer:",
    "Question: How many words are in this list: door, coat, wolf, tree.\nAnswer:",
    'def plus_7(x):\n    """Return x plus 7."""\n',
    'def linear(x):\n    """Return 4 times x minus 9."""\n',
    'def sum_even(xs):\n    """Return the sum of the even numbers in xs."""\n',
    'def upper_twice(s):\n    """Return s in upper case and two times."""\n',
    "Ada is a baker. Today Ada goes to the bakery and",
]


@contextmanager
def serving(runtime: str, weights: Path) -> Iterator[tuple[httpx.Client, "subprocess.Popen[bytes]"]]:
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        port = probing.getsockname()[1]
    command = server(runtime).command(
        ServeRequest(runtime), served_name="demo", port=port, weights=weights, python=sys.executable
    )
    url = f"http://127.0.0.1:{port}"
    with (
        subprocess.Popen(command.argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process,
        httpx.Client(base_url=url, timeout=60, trust_env=False) as client,
    ):
        try:
            wait(client, command.health_path, process)
            yield client, process
        finally:
            process.kill()


def wait(client: httpx.Client, health_path: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get(health_path).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.02)
    pytest.fail("the server did not start")


def answer(client: httpx.Client, prompt: str) -> str:
    body = {"model": "demo", "prompt": prompt, "max_tokens": 48, "temperature": 0, "stop": ["\nQuestion", "\ndef"]}
    response = client.post("/v1/completions", json=body)
    assert response.status_code == 200, response.text
    text: str = response.json()["choices"][0]["text"]
    return text


@pytest.fixture(scope="module")
def llamacpp() -> Iterator[httpx.Client]:
    with serving("llamacpp", bundled("demo-f16")) as (client, _):
        yield client


async def test_it_serves_under_the_name_it_was_given(llamacpp: httpx.Client) -> None:
    facts = await probe(str(llamacpp.base_url))
    assert (facts.id, facts.models) == ("demo", ("demo",))


def test_it_chats(llamacpp: httpx.Client) -> None:
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "What is 17 + 25?"}], "temperature": 0}
    response = llamacpp.post("/v1/chat/completions", json=body | {"model": "demo", "max_tokens": 40})
    assert response.json()["choices"][0]["message"]["content"] == "17 + 25 = 42.\n#### 42"


def test_a_request_may_use_the_whole_context_while_others_run(llamacpp: httpx.Client) -> None:
    body: dict[str, Any] = {"prompt": [5] * 400, "max_tokens": 100, "temperature": 0, "ignore_eos": True}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: llamacpp.post("/v1/completions", json=body).json(), range(4)))
    assert [each["usage"]["completion_tokens"] for each in answers] == [100] * 4


def test_both_engines_write_the_same(llamacpp: httpx.Client) -> None:
    assert len(PROMPTS) >= 20
    with serving("reference", bundled("demo-f16")) as (reference, _):
        ours = [answer(reference, prompt) for prompt in PROMPTS]
    assert ours == [answer(llamacpp, prompt) for prompt in PROMPTS]
    assert all(ours)


def test_both_engines_have_the_same_tokens(llamacpp: httpx.Client) -> None:
    theirs = [llamacpp.post("/tokenize", json={"content": prompt}).json()["tokens"] for prompt in PROMPTS]
    with serving("reference", bundled("demo-f16")) as (reference, _):
        ours = [reference.post("/tokenize", json={"prompt": prompt}).json()["tokens"] for prompt in PROMPTS]
    assert ours == theirs


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_exit_0(number: signal.Signals) -> None:
    with serving("llamacpp", bundled("demo-q4_0")) as (_, process):
        process.send_signal(number)
        assert process.wait(30) == 0


@pytest.mark.parametrize(("content", "code"), [(None, 2), (b"not a model", 1)])
def test_a_model_that_cannot_be_loaded_ends_it(tmp_path: Path, content: bytes | None, code: int) -> None:
    file = tmp_path / "m.gguf"
    if content is not None:
        file.write_bytes(content)
    command = [sys.executable, "-m", "evallab.modelserver.llamacpp_serve", str(file), "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, f"{file} cannot be served: " in ended.stderr) == (code, True)
