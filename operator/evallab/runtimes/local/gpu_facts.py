"""What the GPUs of this machine are, for the provenance of a job: what changes their arithmetic or their speed.

Who uses them is in `gpus`. Without the package, the driver or a GPU the facts are null; one that a driver does not
support is left out of its GPU.
"""

from collections.abc import Callable, Mapping
from typing import Any

NOTHING: Mapping[str, Any] = {"gpu": None, "driver": None, "cuda": None}


def gpu_facts() -> dict[str, Any]:
    """Return driver, CUDA version and every GPU."""
    try:
        import pynvml
    except ModuleNotFoundError:
        return dict(NOTHING)
    return facts_of(pynvml)


def facts_of(nvml: Any) -> dict[str, Any]:
    """Return the facts as NVIDIA's library (the module) says them."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return dict(NOTHING)
    try:
        devices = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]
        return {
            "gpu": [_device(nvml, each) for each in devices],
            "driver": _said(nvml, nvml.nvmlSystemGetDriverVersion),
            "cuda": _cuda(_said(nvml, nvml.nvmlSystemGetCudaDriverVersion)),
        }
    finally:
        nvml.nvmlShutdown()


def _device(nvml: Any, device: Any) -> dict[str, Any]:
    capability = _said(nvml, nvml.nvmlDeviceGetCudaComputeCapability, device)
    memory = _said(nvml, nvml.nvmlDeviceGetMemoryInfo, device)
    power = _said(nvml, nvml.nvmlDeviceGetPowerManagementLimit, device)
    found = {
        "name": _said(nvml, nvml.nvmlDeviceGetName, device),
        "uuid": _said(nvml, nvml.nvmlDeviceGetUUID, device),
        "memory_bytes": int(memory.total) if memory else None,
        "vbios": _said(nvml, nvml.nvmlDeviceGetVbiosVersion, device),
        "power_limit_w": power / 1000 if power else None,
        "ecc": _first(_said(nvml, nvml.nvmlDeviceGetEccMode, device)),
        "mig": _first(_said(nvml, nvml.nvmlDeviceGetMigMode, device)),
        "compute_capability": ".".join(map(str, capability)) if capability else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _said(nvml: Any, question: Callable[..., Any], *about: Any) -> Any:
    """Return an answer; None where this driver or GPU has none."""
    try:
        answer = question(*about)
    except nvml.NVMLError:
        return None
    return answer.decode() if isinstance(answer, bytes) else answer


def _first(modes: Any) -> bool | None:
    """Return whether a mode is on now; the second of the pair is what it becomes after a restart."""
    return bool(modes[0]) if modes else None


def _cuda(number: int | None) -> str | None:
    return f"{number // 1000}.{number % 1000 // 10}" if number else None
