"""What one computer can honour of hardwareConfig."""

from typing import Any

import pytest

from evallab.api.job import EvalJob, Gpu, Hardware, Model, Queue, Resource, Serve, WeightsSource
from evallab.catalog import Catalog
from evallab.planning.hardware import hardware_of_this_computer, with_gpus
from evallab.planning.subject import CheckFacts, Subject

SERVED = Model(name="m", serve=Serve(runtime="reference"))
REMOVE = "cannot be honoured on one computer, only in a cluster; remove it"
NONE = "this computer has no NVIDIA GPU that evallab can see (driver, extra `gpu`, CUDA_VISIBLE_DEVICES)"


def problems(hardware: Hardware | None, *, gpus: int | None = None, model: Model = SERVED) -> list[str]:
    job = EvalJob(name="j", model=model, hardware=hardware)
    return list(hardware_of_this_computer(Subject(job, Catalog.of([]), CheckFacts(gpus=gpus))))


def gpu(count: Any = 1, **fields: Any) -> Hardware:
    return Hardware(gpu=Gpu(count=count), **fields)


@pytest.mark.parametrize(("hardware", "gpus"), [(None, 0), (gpu(), 1), (gpu(2), 2), (gpu("2"), 8), (gpu(0), 0)])
def test_gpus_that_are_there_may_be_asked_for(hardware: Hardware | None, gpus: int) -> None:
    assert problems(hardware, gpus=gpus) == []


def test_gpus_that_are_not_there_are_refused() -> None:
    assert problems(gpu(), gpus=0) == [f"spec.hardwareConfig.gpu: {NONE}; 1 asked for"]
    [said] = problems(gpu(3), gpus=1)
    assert said == "spec.hardwareConfig.gpu: this computer has 1 NVIDIA GPU (CUDA_VISIBLE_DEVICES counts); 3 asked for"
    assert problems(gpu(3), gpus=None) == []  # nobody looked


def test_what_a_cluster_has_is_refused() -> None:
    more = gpu(cpu=Resource(request="1"), queue=Queue(name="q"))
    assert problems(more, gpus=1) == [f"spec.hardwareConfig.{name}: {REMOVE}" for name in ("cpu", "queue")]
    assert problems(Hardware(profile="p")) == [f"spec.hardwareConfig: {REMOVE}"]


def test_a_gpu_is_for_a_model_that_is_served() -> None:
    asked = Model(name="m", url="http://127.0.0.1:1/v1")
    [said] = problems(gpu(), gpus=4, model=asked)
    assert said.startswith("spec.hardwareConfig.gpu: is for a model that is served here")


@pytest.mark.parametrize("count", ["many", "-1", "1.5"])
def test_a_count_that_is_no_number(count: str) -> None:
    assert problems(gpu(count), gpus=4) == [f'spec.hardwareConfig.gpu.count: must be a whole number; found "{count}"']


def test_another_accelerator() -> None:
    [said] = problems(Hardware(gpu=Gpu(name="amd.com/gpu")), gpus=1)
    assert said == 'spec.hardwareConfig.gpu.name: one computer has "nvidia.com/gpu" only; found "amd.com/gpu"'


VLLM = Serve(runtime="vllm", source=WeightsSource(bundled="demo-hf"))


@pytest.mark.parametrize(
    ("args", "there", "count"),
    [((), 2, 1), (("--tensor-parallel-size", "2"), 2, 2), (("--tensor_parallel_size=4",), 2, 2), (("-tp", "x"), 1, 1)],
)
def test_vllm_gets_the_gpus_that_it_will_use(args: tuple[str, ...], there: int, count: int) -> None:
    serve = VLLM.model_copy(update={"args": args})
    job = EvalJob(name="j", model=Model(name="m", serve=serve))
    assert with_gpus(job, there).hardware == Hardware(gpu=Gpu(name="nvidia.com/gpu", count=count))


def test_what_the_job_says_of_gpus_stands_and_where_there_is_none_none_is_reserved() -> None:
    job = EvalJob(name="j", model=Model(name="m", serve=VLLM))
    said = job.model_copy(update={"hardware": Hardware(gpu=Gpu(count=2))})
    assert [with_gpus(job, 0), with_gpus(job, None), with_gpus(said, 1)] == [job, job, said]
