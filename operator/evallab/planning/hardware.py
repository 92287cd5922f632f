"""What one computer can honour of `hardwareConfig`: GPUs for the model that a job serves, nothing else.

One of the checks that `refusals` lists for the local runtime.
"""

from collections.abc import Iterator

from evallab.api.job import Gpu, Hardware
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
    if subject.job.model.serve is None:
        yield f"{where}.gpu: is for a model that is served here; remove it, or give model.serve"
    else:
        yield from _gpus(f"{where}.gpu", hardware.gpu, subject.facts.gpus)


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
