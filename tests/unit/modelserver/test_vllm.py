"""vLLM's command, whole: the same function for a workstation and for a pod."""

from pathlib import Path

import pytest

from evallab.api.errors import UsageError
from evallab.api.job import Benchmark, EvalJob, HubSource, Model, Serve, WeightsSource
from evallab.api.provider import Provider, ProviderBenchmark
from evallab.controller.server_commands import command as in_a_pod
from evallab.engine.models import passed
from evallab.modelserver import ServerCommand, ServeRequest, server
from evallab.modelserver.vllm import PASSED
from evallab.planning.prompting import scores_prompts

WEIGHTS = Path("/cache/models--org--m/snapshots/0f1e")


def command(serve: ServeRequest, weights: Path | None = WEIGHTS) -> ServerCommand:
    return server("vllm").command(serve, served_name="mine", port=8123, weights=weights, python="/envs/v/bin/python")


def test_weights_on_disk_scored_prompts_no_prefix_cache() -> None:
    assert command(ServeRequest("vllm", revision="0f1e", args=("--max-model-len", "8192"))) == ServerCommand(
        argv=(
            *("/envs/v/bin/vllm", "serve", str(WEIGHTS), "--host", "127.0.0.1", "--port", "8123"),
            *("--served-model-name", "mine", "--enable-tokenizer-info-endpoint", "--seed", "0"),
            *("--no-enable-prefix-caching", "--max-model-len", "8192"),
        ),
        env={"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"},
        port=8123,
        health_path="/health",
        served_name="mine",
        ready_s=1200.0,
        dies_unhealthy=True,
        passes=PASSED,
    )


def test_generation_alone_keeps_the_prefix_cache_and_batch_invariance_is_a_variable() -> None:
    found = command(ServeRequest("vllm", scores_prompts=False, batch_invariant=True))
    assert found.argv[-3:] == ("--enable-tokenizer-info-endpoint", "--seed", "0")
    assert found.env == {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_BATCH_INVARIANT": "1"}


def test_what_the_user_says_is_not_said_twice() -> None:
    args = ("--seed=7", "--no_enable_prefix_caching")
    assert command(ServeRequest("vllm", args=args)).argv[-3:] == ("--enable-tokenizer-info-endpoint", *args)


def test_the_same_command_in_a_pod_with_the_repository_and_its_revision() -> None:
    source = WeightsSource(hf=HubSource(repo_id="org/m", revision="0f1e"))
    assert in_a_pod(Serve(runtime="vllm", source=source, args=("--dtype", "half")), "mine").argv == (
        *("vllm", "serve", "org/m", "--revision", "0f1e", "--host", "0.0.0.0", "--port", "8000"),
        *("--served-model-name", "mine", "--enable-tokenizer-info-endpoint", "--seed", "0"),
        *("--no-enable-prefix-caching", "--dtype", "half"),
    )


@pytest.mark.parametrize(
    ("serve", "weights", "words"),
    [
        (ServeRequest("vllm"), None, "serves weights from a file or directory, and none were given"),
        (ServeRequest("vllm", args=("--port", "1")), WEIGHTS, "must not hold --port: evallab sets it"),
        (ServeRequest("vllm", args=("--served_model_name=x",)), WEIGHTS, "must not hold --served-model-name"),
        (ServeRequest("vllm", args=("--api-key", "x")), WEIGHTS, "must not hold --api-key"),
        (ServeRequest("vllm", args=("--revision=x",)), WEIGHTS, "must not hold --revision"),
        (ServeRequest("vllm", args=("--enable-prefix-caching",)), WEIGHTS, "must not hold --enable-prefix-caching"),
    ],
)
def test_what_evallab_sets_itself_is_refused(serve: ServeRequest, weights: Path | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        command(serve, weights)


def job(*ids: str) -> EvalJob:
    benchmarks = tuple(Benchmark(provider_id="p", id=each) for each in ids)
    return EvalJob(name="j", model=Model(name="m"), benchmarks=benchmarks)


@pytest.mark.parametrize(
    ("ids", "scores"),
    [(("writes",), False), (("writes", "chooses"), True), (("unknown",), True), ((), True)],
)
def test_prompts_are_scored_unless_every_benchmark_is_known_to_generate(ids: tuple[str, ...], scores: bool) -> None:
    described = (ProviderBenchmark(id="writes", tags=("generation",)), ProviderBenchmark(id="chooses"))
    assert scores_prompts(job(*ids), {"p": Provider(id="p", benchmarks=described)}) is scores


def test_variables_that_change_vllm_are_passed_on_and_secrets_are_not() -> None:
    environ = {"VLLM_ATTENTION_BACKEND": "X", "VLLM_API_KEY": "s", "NCCL_DEBUG": "INFO", "HF_TOKEN": "s", "PATH": "/"}
    assert passed(environ, PASSED) == {"VLLM_ATTENTION_BACKEND": "X", "NCCL_DEBUG": "INFO"}
    assert passed(environ, ()) == {}
