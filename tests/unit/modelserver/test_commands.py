"""What each runtime makes of the same settings: whole commands are compared, so nothing slips in unseen."""

from pathlib import Path

import pytest

from evallab.api.errors import NotFound, UsageError
from evallab.modelserver import ServerCommand, ServeRequest, runtimes, server
from evallab.modelserver.bundled import bundled, bundled_names

MODEL = Path("/models/m.gguf")


def command(serve: ServeRequest, weights: Path | None = MODEL, host: str = "127.0.0.1") -> ServerCommand:
    return server(serve.runtime).command(
        serve, served_name="mine", port=8123, weights=weights, python="python", host=host
    )


def test_reference() -> None:
    assert command(ServeRequest("reference", args=("--max-context", "128"))) == ServerCommand(
        argv=(
            *("python", "-m", "evallab.modelserver.reference", "/models/m.gguf"),
            *("--host", "127.0.0.1", "--port", "8123", "--name", "mine", "--max-context", "128"),
        ),
        env={"OPENBLAS_NUM_THREADS": "1"},
        port=8123,
        health_path="/health",
        served_name="mine",
        base_path="/v1",
    )


def test_llamacpp() -> None:
    assert command(ServeRequest("llamacpp", health_path="/v1/health"), host="0.0.0.0") == ServerCommand(
        argv=(
            *("python", "-m", "evallab.modelserver.llamacpp_serve", "/models/m.gguf"),
            *("--host", "0.0.0.0", "--port", "8123", "--name", "mine"),
        ),
        env={},
        port=8123,
        health_path="/v1/health",
        served_name="mine",
    )


def test_custom() -> None:
    serve = ServeRequest("custom", command="serve --port {port} --json '{\"a\": 1}' $MODEL", health_path="/ready")
    assert command(serve) == ServerCommand(
        argv=("sh", "-c", "serve --port 8123 --json '{\"a\": 1}' $MODEL"),
        env={"PORT": "8123", "HOST": "127.0.0.1", "NAME": "mine", "MODEL": "/models/m.gguf"},
        port=8123,
        health_path="/ready",
        served_name="mine",
    )


def test_custom_without_weights_passes_the_models_name_on() -> None:
    assert command(ServeRequest("custom", model="org/model", command="x"), None).env["MODEL"] == "org/model"


@pytest.mark.parametrize(
    ("serve", "weights", "message"),
    [
        (ServeRequest("reference"), None, "serves weights from a file or directory, and none were given"),
        (ServeRequest("llamacpp"), Path("/models/hf"), "'hf' is not one"),
        (ServeRequest("reference", args=("--port=1",)), MODEL, "must not hold --port: evallab sets it"),
        (ServeRequest("llamacpp", args=("--name", "x")), MODEL, "must not hold --name"),
        (ServeRequest("custom"), None, "needs serve.command"),
        (ServeRequest("custom", command="  "), None, "needs serve.command"),
        (ServeRequest("custom", command="x", args=("-v",)), None, "takes no serve.args"),
    ],
)
def test_what_makes_no_sense_is_refused(serve: ServeRequest, weights: Path | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        command(serve, weights)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("llamacp", "Did you mean 'llamacpp'?"), ("xyz", "Known runtimes: custom, llamacpp, reference, vllm.")],
)
def test_an_unknown_runtime_names_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        server(name)
    assert caught.value.remedy == hint


def test_every_runtime_is_found_by_its_name() -> None:
    assert [server(name).name for name in runtimes()] == list(runtimes()) == ["custom", "llamacpp", "reference", "vllm"]


def test_every_bundled_model_is_there() -> None:
    assert {name: bundled(name).exists() for name in bundled_names()} == dict.fromkeys(bundled_names(), True)


def test_an_unknown_bundled_model_names_the_nearest() -> None:
    with pytest.raises(NotFound, match=r"Did you mean 'demo-f16'\? Known: demo-f16, demo-q8_0"):
        bundled("demo-fp16")
