"""The GPUs of this machine: who they are and who uses them. The port, and what NVIDIA's library says behind it.

The composition root passes an inventory on; tests pass a stand-in. Who reserved which is in `gpu_leases`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

RESOURCE = "nvidia.com/gpu"


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One GPU as it is now; memory in bytes, `processes` are the ids of those that compute on it."""

    uuid: str
    name: str
    memory: int
    memory_used: int = 0
    processes: tuple[int, ...] = ()


class GpuInventory(Protocol):
    """Where the GPUs of a machine are looked up."""

    def gpus(self) -> Sequence[Gpu]:
        """Return the GPUs as they are now, in the order of their numbers; none where there is no driver."""


class Nvml:
    """What NVIDIA's management library says (the package nvidia-ml-py, extra `gpu`)."""

    def gpus(self) -> Sequence[Gpu]:
        """Return the GPUs; none without the package or the driver."""
        try:
            import pynvml
        except ModuleNotFoundError:
            return ()
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            return ()
        try:
            return [_gpu(pynvml, number) for number in range(pynvml.nvmlDeviceGetCount())]
        finally:
            pynvml.nvmlShutdown()


def _gpu(nvml: Any, number: int) -> Gpu:
    device = nvml.nvmlDeviceGetHandleByIndex(number)
    memory = nvml.nvmlDeviceGetMemoryInfo(device)
    return Gpu(
        uuid=nvml.nvmlDeviceGetUUID(device),
        name=nvml.nvmlDeviceGetName(device),
        memory=int(memory.total),
        memory_used=int(memory.used),
        processes=tuple(sorted(each.pid for each in nvml.nvmlDeviceGetComputeRunningProcesses(device))),
    )


def visible(gpus: Sequence[Gpu], said: str | None) -> tuple[Gpu, ...]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES leaves: numbers, or beginnings of UUIDs; unset leaves all.

    As CUDA reads it, what follows a word that means no GPU does not count.
    """
    if said is None:
        return tuple(gpus)
    chosen: list[Gpu] = []
    for word in said.split(","):
        found = _meant(gpus, word.strip())
        if found is None:
            break
        chosen.append(found)
    return tuple(chosen)


def _meant(gpus: Sequence[Gpu], word: str) -> Gpu | None:
    if word.isascii() and word.isdigit():
        return gpus[int(word)] if int(word) < len(gpus) else None
    return next((gpu for gpu in gpus if word and gpu.uuid.startswith(word)), None)
