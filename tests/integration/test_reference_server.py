"""The reference server as its users meet it: a process that is started, asked over HTTP and stopped."""

import json
import math
import signal
import socket
import subprocess
import sys
import threading
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
from evallab.modelserver.interface import ServerFacts
from evallab.modelserver.readiness import probe, wait_until_ready

PROMPT = "Question: Ada has 17 coins. Bo gives Ada 25 more coins. How many coins does Ada have now?\nAnswer:"
GREEDY: dict[str, Any] = {"model": "demo", "prompt": PROMPT, "max_tokens": 48, "temperature": 0}
SAMPLED: dict[str, Any] = {"prompt": "Question:", "max_tokens": 24, "temperature": 1.0, "seed": 11}


def free_port() -> int:
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        return int(probing.getsockname()[1])


@contextmanager
def serving(weights: Path, *args: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    serve = ServeRequest("reference", args=args)
    command = server("reference").command(
        serve, served_name="demo", port=free_port(), weights=weights, python=sys.executable
    )
    with subprocess.Popen(command.argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        url = f"http://127.0.0.1:{command.port}"
        try:
            wait(url, command.health_path, process)
            yield url, process
        finally:
            process.kill()


def wait(url: str, health_path: str, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url + health_path, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.02)
    process.kill()
    pytest.fail(f"the server did not start: {process.communicate()[0]}")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(bundled("demo-f16")) as (url, _):
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield client


def complete(client: httpx.Client, body: dict[str, Any], path: str = "/v1/completions") -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content


def texts(body: dict[str, Any]) -> list[str]:
    return [choice["text"] for choice in body["choices"]]


def streamed(client: httpx.Client, body: dict[str, Any], path: str = "/v1/completions") -> list[dict[str, Any]]:
    with client.stream("POST", path, json=body | {"stream": True}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


async def test_it_says_who_it_is(url: str) -> None:
    await wait_until_ready(url, "/health", timeout_s=10, alive=lambda: True, log_tail=lambda: "")
    facts = await probe(url + "/v1")
    assert facts == ServerFacts(id="demo", root="demo", max_model_len=512, version=facts.version, models=("demo",))
    assert facts.version


def test_a_completion(client: httpx.Client) -> None:
    body = complete(client, GREEDY)
    assert {key: body[key] for key in ("object", "model", "choices", "usage")} == {
        "object": "text_completion",
        "model": "demo",
        "choices": [
            {
                "index": 0,
                "text": " 17 + 25 = 42.\n#### 42",
                "logprobs": None,
                "finish_reason": "stop",
                "stop_reason": None,
            }
        ],
        "usage": {"prompt_tokens": 29, "completion_tokens": 18, "total_tokens": 47},
    }


def test_a_chat_answer(client: httpx.Client) -> None:
    messages = [{"role": "user", "content": "What is 17 + 25?"}]
    body = complete(
        client,
        {"messages": messages, "temperature": 0, "logprobs": True, "top_logprobs": 2, "chat_template_kwargs": {"a": 1}},
        "/v1/chat/completions",
    )
    choice = body["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": "17 + 25 = 42.\n#### 42"}
    assert choice["finish_reason"] == "stop"
    tokens = choice["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == "17 + 25 = 42.\n#### 42<|im_end|>"
    assert {len(token["top_logprobs"]) for token in tokens} == {2}
    assert tokens[0]["bytes"] == list(tokens[0]["token"].encode())


def test_echo_gives_the_prompts_log_probabilities_and_the_end_token(client: httpx.Client) -> None:
    body = {"prompt": PROMPT + " 17 + 25 = 42.\n#### 42", "max_tokens": 1, "temperature": 0, "logprobs": 1}
    choice = complete(client, body | {"echo": True})["choices"][0]
    scores = choice["logprobs"]
    assert scores["tokens"][-1] == "<|endoftext|>"
    assert choice["text"] == body["prompt"]
    assert "".join(scores["tokens"][:-1]) == body["prompt"]
    assert (scores["token_logprobs"][0], scores["top_logprobs"][0]) == (None, None)
    continuation = scores["token_logprobs"][29:-1]
    assert len(continuation) == 17
    assert math.isfinite(sum(continuation))
    assert sum(continuation) > -1  # the model wrote this very answer
    for token, score, top in zip(
        scores["tokens"][1:], scores["token_logprobs"][1:], scores["top_logprobs"][1:], strict=True
    ):
        assert top[token] == score <= max(top.values())
    assert scores["text_offset"][:3] == [0, 8, 9]


def test_echo_scores_what_generation_scores(client: httpx.Client) -> None:
    generated = complete(client, GREEDY | {"logprobs": 0})["choices"][0]["logprobs"]
    text = " 17 + 25 = 42.\n#### 42"
    echoed = complete(client, GREEDY | {"prompt": PROMPT + text, "max_tokens": 1, "echo": True, "logprobs": 0})
    tail = echoed["choices"][0]["logprobs"]["token_logprobs"][29:]
    assert generated["token_logprobs"] == pytest.approx(tail, abs=1e-4)


def test_echo_alone(client: httpx.Client) -> None:
    body = complete(client, GREEDY | {"max_tokens": 0, "echo": True, "logprobs": 1})
    choice = body["choices"][0]
    assert (choice["text"], choice["finish_reason"]) == (PROMPT, "length")
    assert len(choice["logprobs"]["tokens"]) == body["usage"]["total_tokens"] == 29


def test_tokens_as_ids(client: httpx.Client) -> None:
    ids = client.post("/tokenize", json={"prompt": "Question: a"}).json()["tokens"]
    body = GREEDY | {"prompt": ids, "max_tokens": 0, "echo": True, "logprobs": 1, "return_tokens_as_token_ids": True}
    assert complete(client, body)["choices"][0]["logprobs"]["tokens"] == [f"token_id:{each}" for each in ids]


def test_tokenize_and_back(client: httpx.Client) -> None:
    text = "Question: 12 + 3é?<|im_end|>"
    found = client.post("/tokenize", json={"prompt": text, "return_token_strs": True}).json()
    assert found["count"] == len(found["tokens"]) == len(found["token_strs"])
    assert client.post("/detokenize", json={"tokens": found["tokens"]}).json() == {"prompt": text}
    messages = [{"role": "user", "content": "hi"}]
    chat = client.post("/tokenize", json={"messages": messages}).json()["tokens"]
    rendered = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert client.post("/detokenize", json={"tokens": chat}).json() == {"prompt": rendered}


def test_tokenizer_info_is_what_the_harness_reads(client: httpx.Client) -> None:
    info = client.get("/tokenizer_info").json()
    assert {key: info[key] for key in ("bos_token", "eos_token", "pad_token")} == dict.fromkeys(
        ("bos_token", "eos_token", "pad_token"), "<|endoftext|>"
    )
    assert "<|im_start|>" in info["chat_template"]


@pytest.mark.parametrize(
    "extra", [{}, {"logprobs": 2}, {"echo": True, "logprobs": 1}, {"n": 3}, {"stop": ["= 4", "####"]}]
)
@pytest.mark.parametrize("base", [GREEDY, SAMPLED])
def test_a_stream_says_what_the_whole_answer_says(
    client: httpx.Client, base: dict[str, Any], extra: dict[str, Any]
) -> None:
    whole = complete(client, base | extra)
    chunks = streamed(client, base | extra | {"stream_options": {"include_usage": True}})
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == whole["usage"]
    for expected in whole["choices"]:
        pieces = [each for chunk in chunks for each in chunk["choices"] if each["index"] == expected["index"]]
        assert "".join(piece["text"] for piece in pieces) == expected["text"]
        assert pieces[-1]["finish_reason"] == expected["finish_reason"]
        assert pieces[-1]["stop_reason"] == expected["stop_reason"]
        if expected["logprobs"]:
            joined = {key: [x for piece in pieces for x in piece["logprobs"][key]] for key in expected["logprobs"]}
            assert joined == expected["logprobs"]


def test_a_chat_stream_says_what_the_whole_answer_says(client: httpx.Client) -> None:
    body = {"messages": [{"role": "user", "content": "What is 17 + 25?"}], "temperature": 0}
    whole = complete(client, body, "/v1/chat/completions")["choices"][0]
    chunks = streamed(client, body, "/v1/chat/completions")
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta["content"] for delta in deltas) == whole["message"]["content"]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_a_stop_string_ends_and_is_left_out(client: httpx.Client) -> None:
    choice = complete(client, GREEDY | {"stop": [" =", "####"]})["choices"][0]
    assert (choice["text"], choice["finish_reason"], choice["stop_reason"]) == (" 17 + 25", "stop", " =")
    kept = complete(client, GREEDY | {"stop": " =", "include_stop_str_in_output": True})["choices"][0]
    assert kept["text"] == " 17 + 25 ="


def test_ignore_eos_goes_on(client: httpx.Client) -> None:
    body = complete(client, GREEDY | {"ignore_eos": True})
    assert (body["usage"]["completion_tokens"], body["choices"][0]["finish_reason"]) == (48, "length")


def test_a_seed_repeats_and_another_differs(client: httpx.Client) -> None:
    assert texts(complete(client, SAMPLED)) == texts(complete(client, SAMPLED))
    assert texts(complete(client, SAMPLED)) != texts(complete(client, SAMPLED | {"seed": 12}))


def test_choices_differ_and_the_first_is_the_single_one(client: httpx.Client) -> None:
    three = texts(complete(client, SAMPLED | {"n": 3}))
    assert len(set(three)) == 3
    assert three[0] == texts(complete(client, SAMPLED))[0]
    assert three[2] == texts(complete(client, SAMPLED | {"seed": 13}))[0]


def test_prompts_together_answer_as_prompts_alone(client: httpx.Client) -> None:
    prompts = [PROMPT, "Question: What is 3 + 4?\nAnswer:"]
    together = complete(client, GREEDY | {"prompt": prompts})
    alone = [texts(complete(client, GREEDY | {"prompt": prompt}))[0] for prompt in prompts]
    assert texts(together) == alone
    assert [choice["index"] for choice in together["choices"]] == [0, 1]


def test_concurrency_changes_no_answer(client: httpx.Client) -> None:
    bodies = [
        (GREEDY if number % 2 else SAMPLED) | {"prompt": f"Question: What is {number} + 7?\nAnswer:", "logprobs": 1}
        for number in range(24)
    ]
    alone = [complete(client, body)["choices"] for body in bodies]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda body: complete(client, body)["choices"], bodies)) == alone


@pytest.mark.parametrize(
    ("body", "status", "param", "message"),
    [
        ({"model": "other"}, 404, "model", "The model `other` does not exist."),
        ({"max_tokens": -3}, 400, "max_tokens", "max_tokens: Input should be greater than or equal to 0."),
        ({"prompt": ""}, 400, "prompt", "The prompt is empty"),
        ({"prompt": [5, 768]}, 400, "prompt", "Token id 768 is out of vocabulary (0 to 767)."),
        ({"prompt": [-1]}, 400, "prompt", "Token id -1 is out of vocabulary"),
        ({"logprobs": 769}, 400, "logprobs", "At most 768 alternatives exist"),
        ({"prompt": ["a"] * 9, "n": 128}, 400, "n", "At most 1024 choices per request"),
        (
            {"max_tokens": 500},
            400,
            "max_tokens",
            "This model's maximum context length is 512 tokens. However, you requested 529 tokens (29 in the prompt, "
            "500 in the completion). Please reduce the length of the prompt or completion.",
        ),
        (
            {"prompt": [1] * 512, "max_tokens": None},
            400,
            "prompt",
            "This model's maximum context length is 512 tokens.",
        ),
    ],
)
def test_a_refusal_has_an_error_body(
    client: httpx.Client, body: dict[str, Any], status: int, param: str, message: str
) -> None:
    answer = client.post("/v1/completions", json=GREEDY | body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, status, param)
    assert error["message"].startswith(message)
    assert error["type"] == ("NotFoundError" if status == 404 else "BadRequestError")


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/v1/completions", b"{", 400),
        ("POST", "/v1/chat/completions", b"{}", 400),
        ("POST", "/v1/chat/completions", b'{"messages": [{"role": "user"}], "top_logprobs": 1}', 400),
        ("POST", "/tokenize", b"{}", 400),
        ("POST", "/detokenize", b'{"tokens": [9999]}', 400),
        ("GET", "/v1/completions", b"", 405),
        ("GET", "/nothing", b"", 404),
    ],
)
def test_every_refusal_has_an_error_body(
    client: httpx.Client, method: str, path: str, content: bytes, status: int
) -> None:
    answer = client.request(method, path, content=content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, status)


def test_metrics_count_answers(client: httpx.Client) -> None:
    def counted() -> int:
        lines = client.get("/metrics").text.splitlines()
        return next(int(line.split()[-1]) for line in lines if line.startswith("evallab:request_success_total"))

    before = counted()
    complete(client, GREEDY)
    assert counted() == before + 1


LONG: dict[str, Any] = {"prompt": "Question:", "max_tokens": 500, "temperature": 1, "ignore_eos": True, "n": 100}


def running(client: httpx.Client) -> float:
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith("evallab:num_requests_running"))


def until(client: httpx.Client, value: float) -> None:
    deadline = time.monotonic() + 30
    while running(client) != value:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_frees_the_server(url: str, client: httpx.Client, *, stream: bool) -> None:
    with httpx.Client(base_url=url, timeout=60 if stream else 1, trust_env=False) as leaving:
        if stream:
            with leaving.stream("POST", "/v1/completions", json=LONG | {"stream": True}) as answer:
                next(answer.iter_lines())
        else:
            with pytest.raises(httpx.ReadTimeout):
                leaving.post("/v1/completions", json=LONG)
    until(client, 0)
    assert texts(complete(client, GREEDY)) == [" 17 + 25 = 42.\n#### 42"]


def test_limits_from_the_command_line() -> None:
    args = ("--max-context", "64", "--request-timeout", "0.5", "--max-body-bytes", "2000")
    with serving(bundled("demo-hf"), *args) as (url, _), httpx.Client(base_url=url, trust_env=False) as client:
        assert client.get("/v1/models").json()["data"][0]["max_model_len"] == 64
        late = client.post("/v1/completions", json=LONG | {"max_tokens": 60, "n": 128})
        assert (late.status_code, late.json()["error"]["type"]) == (504, "TimeoutError")
        cut = streamed(client, LONG | {"max_tokens": 60, "n": 128})
        assert cut[-1]["error"]["message"] == "The request did not finish within 0.5 s."
        large = client.post("/v1/completions", json={"prompt": "a" * 3000})
        assert (large.status_code, large.json()["error"]["type"]) == (413, "RequestTooLargeError")
        assert texts(complete(client, {"prompt": "Question: What is 3 + 4?\nAnswer:", "temperature": 0}))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_server_with_exit_0(number: signal.Signals) -> None:
    with serving(bundled("demo-q3")) as (_, process):
        process.send_signal(number)
        assert process.wait(30) == 0


def test_sigterm_cuts_what_still_computes() -> None:
    outcome: list[str] = []

    def ask(url: str) -> None:
        try:
            outcome.append(str(httpx.post(url + "/v1/completions", json=LONG, timeout=60, trust_env=False).status_code))
        except httpx.HTTPError as error:
            outcome.append(type(error).__name__)

    with serving(bundled("demo-q3")) as (url, process), httpx.Client(base_url=url, trust_env=False) as client:
        asking = threading.Thread(target=ask, args=(url,))
        asking.start()
        until(client, 1)
        process.terminate()
        assert process.wait(30) == 0
        asking.join()
    assert outcome != ["200"]


@pytest.mark.parametrize("content", [None, b"not a model"])
def test_a_model_that_cannot_be_loaded_says_so(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "m.gguf"
    if content is not None:
        file.write_bytes(content)
    ended = subprocess.run(
        [sys.executable, "-m", "evallab.modelserver.reference", str(file)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert f"{file} cannot be served: " in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("name", ["demo-hf", "demo-q8_0", "demo-q4_0", "demo-q3"])
def test_every_bundled_model_answers(name: str) -> None:
    with serving(bundled(name)) as (url, _), httpx.Client(base_url=url, trust_env=False) as client:
        assert "####" in texts(complete(client, GREEDY))[0]
