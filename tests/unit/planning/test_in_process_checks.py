"""A model that the harness loads itself: what may be asked for, and the GPUs that it gets."""

from typing import Any

import pytest

from evallab.api.job import Benchmark, EvalJob, Gpu, Hardware, InProcess, Model
from evallab.catalog import Catalog
from evallab.planning.hardware import hardware_of_this_computer, with_gpus
from evallab.planning.in_process_checks import LOADER, loadable_in_process, path_of
from evallab.planning.subject import CheckFacts, Subject

WHERE = "spec.model.inProcess"


def job(backend: str = "hf", provider: str = LOADER, **args: Any) -> EvalJob:
    model = Model(name="m", in_process=InProcess(backend=backend, args=args))
    return EvalJob(name="j", model=model, benchmarks=(Benchmark(provider_id=provider, id="b"),))


def problems(asked: EvalJob) -> list[str]:
    return list(loadable_in_process(Subject(asked, Catalog.of([]), CheckFacts())))


@pytest.mark.parametrize(
    "args",
    [
        {"pretrained": "Qwen/Qwen3-0.6B"},
        {"pretrained": "Qwen/Qwen3-0.6B", "revision": "main", "dtype": "bfloat16"},
        {"pretrained": "./weights", "batch_size": 8},
    ],
)
def test_what_can_be_loaded(args: dict[str, Any]) -> None:
    assert problems(job(**args)) == problems(job("vllm", **args)) == []


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (
            job(),
            f"{WHERE}.parameters.pretrained: is required: a repository of a hub, or a path that begins with ./ or /",
        ),
        (job("vlm", pretrained="a/b"), f'{WHERE}.backend: there is no "vlm"; did you mean "vllm"?'),
        (
            job(pretrained="/w", revision="main"),
            f"{WHERE}.parameters.revision: is for a repository of a hub; a directory has none, remove it",
        ),
        (job(pretrained="a/b", revision=3), f"{WHERE}.parameters.revision: must be text, best a commit"),
        (
            job(provider="evalplus", pretrained="a/b"),
            "spec.benchmarks[0].providerId: evalplus asks an endpoint and loads no model; use serve or url",
        ),
        (
            job(pretrained="a/b", token="hf_" + "a" * 34),
            f"{WHERE}.parameters: must not hold a key; "
            "put it where Hugging Face's own libraries look for it (hf auth login)",
        ),
    ],
)
def test_what_cannot_is_a_sentence_with_its_remedy(asked: EvalJob, sentence: str) -> None:
    assert problems(asked) == [sentence]


def test_a_path_is_told_from_a_repository() -> None:
    named = [path_of(job(pretrained=each)) for each in ("/w", "./w", "~/w", "owner/w")]
    assert named == ["/w", "./w", "~/w", None]


@pytest.mark.parametrize(
    ("args", "there", "count"),
    [
        ({}, 2, 1),
        ({"tensor_parallel_size": 2}, 8, 2),
        ({"tensor_parallel_size": 4}, 2, 2),
        ({"device": "cpu"}, 2, None),
        ({}, 0, None),
    ],
)
def test_its_gpus_are_reserved_where_there_are_any(args: dict[str, Any], there: int, count: int | None) -> None:
    hardware = with_gpus(job(pretrained="a/b", **args), there).hardware
    assert (hardware and hardware.gpu and hardware.gpu.count) == count


def test_gpus_may_be_asked_for() -> None:
    asked = job(pretrained="a/b").model_copy(update={"hardware": Hardware(gpu=Gpu(count=1))})
    assert list(hardware_of_this_computer(Subject(asked, Catalog.of([]), CheckFacts(gpus=1)))) == []
