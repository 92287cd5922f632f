"""What one computer can honour of `hardwareConfig`: GPUs for the model that a job serves, nothing else.

One of the checks that `refusals` lists for the local runtime.
"""

from collections.abc import Iterator

from evallab.api.job import EvalJob, Gpu, Hardware
from evallab.planning.in_process_checks import devices
from evallab.planning.subject import Subject

RESOURCE = "nvidia.com/gpu"
_REMOVE = "cannot be honoured on one computer, only in a cluster; remove it"


def hardware_of_this_computer(subject: Subject) -> Iterator[str]:
    """GPUs are reserved for a model that is served; cpu, memory, queues and profiles are a cluster's."""
    hardware, where = subject.job.hardware, "spec.hardwareConfig"
    if hardware is None:
        return
    if hardware.gpu is None:
        yield f"{where}: {_REMOVE}"
        return
    yield from (f"{where}.{name}: {_REMOVE}" for name in _of_a_cluster(hardware))
    if subject.job.model.serve is None and subject.job.model.in_process is None:
        yield f"{where}.gpu: is for a model that is served here; remove it, or give model.serve"
    else:
        yield from _gpus(f"{where}.gpu", hardware.gpu, subject.facts.gpus)


def with_gpus(job: EvalJob, there: int | None) -> EvalJob:
    """Return a job with the GPUs that its vLLM, or its own back end, will use, where it does not say how many.

    As many as `--tensor-parallel-size` says, one by default, not more than there are; none on a computer without any.
    """
    wanted = _wanted(job)
    if not wanted or job.hardware is not None or not there:
        return job
    count = min(wanted, there)
    return job.model_copy(update={"hardware": Hardware(gpu=Gpu(name=RESOURCE, count=count))})


def _wanted(job: EvalJob) -> int:
    if job.model.in_process is not None:
        return devices(job.model.in_process.args)
    serve = job.model.serve
    return _parallel(serve.args) if serve is not None and serve.runtime == "vllm" else 0


def _parallel(args: tuple[str, ...]) -> int:
    words = [word for arg in args for word in arg.replace("_", "-").split("=", 1)]
    flag = next((each for each in ("--tensor-parallel-size", "-tp") if each in words), None)
    following = words[words.index(flag) + 1 : words.index(flag) + 2] if flag else []
    return int(following[0]) if following and following[0].isdecimal() else 1


def _of_a_cluster(hardware: Hardware) -> list[str]:
    said = {
        "hardwareProfileName": hardware.profile,
        "cpu": hardware.cpu,
        "memory": hardware.memory,
        "queue": hardware.queue,
    }
    return [name for name, value in said.items() if value is not None]


def _gpus(where: str, gpu: Gpu, there: int | None) -> Iterator[str]:
    count = 1 if gpu.count is None else gpu.count
    if gpu.name not in {None, RESOURCE}:
        yield f'{where}.name: one computer has "{RESOURCE}" only; found "{gpu.name}"'
    elif not str(count).isdecimal():
        yield f'{where}.count: must be a whole number; found "{count}"'
    elif there is not None and int(count) > there:
        yield f"{where}: {_too_few(there)}; {int(count)} asked for"


def _too_few(there: int) -> str:
    if there == 0:
        return "this computer has no NVIDIA GPU that evallab can see (driver, extra `gpu`, CUDA_VISIBLE_DEVICES)"
    return f"this computer has {there} NVIDIA {'GPU' if there == 1 else 'GPUs'} (CUDA_VISIBLE_DEVICES counts)"
