"""GPUs as provenance records them, with a stand-in of NVIDIA's library: an answer that a driver lacks is left out."""

from types import SimpleNamespace
from typing import Any

from evallab.runtimes.local.gpu_facts import NOTHING, facts_of


class NoAnswer(Exception):
    """What the library raises."""


def refuses(*_: Any) -> Any:
    raise NoAnswer


def nvml(**changed: Any) -> SimpleNamespace:
    """Return a machine with one GPU."""
    said = {
        "NVMLError": NoAnswer,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda number: number,
        "nvmlSystemGetDriverVersion": lambda: "570.86.15",
        "nvmlSystemGetCudaDriverVersion": lambda: 12080,
        "nvmlDeviceGetName": lambda _: "NVIDIA H200",
        "nvmlDeviceGetUUID": lambda _: b"GPU-1",
        "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(total=150_754_820_096),
        "nvmlDeviceGetVbiosVersion": lambda _: "96.00.99",
        "nvmlDeviceGetPowerManagementLimit": lambda _: 700_000,
        "nvmlDeviceGetEccMode": lambda _: (1, 1),
        "nvmlDeviceGetMigMode": lambda _: (0, 0),
        "nvmlDeviceGetCudaComputeCapability": lambda _: (9, 0),
    }
    return SimpleNamespace(**said | changed)


def test_each_gpu_with_what_changes_its_arithmetic() -> None:
    assert facts_of(nvml()) == {
        "driver": "570.86.15",
        "cuda": "12.8",
        "gpu": [
            {
                "name": "NVIDIA H200",
                "uuid": "GPU-1",
                "memory_bytes": 150_754_820_096,
                "vbios": "96.00.99",
                "power_limit_w": 700.0,
                "ecc": True,
                "mig": False,
                "compute_capability": "9.0",
            }
        ],
    }


def test_what_a_driver_does_not_know_is_left_out() -> None:
    bare = nvml(nvmlDeviceGetMigMode=refuses, nvmlDeviceGetEccMode=refuses, nvmlSystemGetCudaDriverVersion=refuses)
    found = facts_of(bare)
    assert (found["cuda"], sorted(found["gpu"][0])) == (
        None,
        ["compute_capability", "memory_bytes", "name", "power_limit_w", "uuid", "vbios"],
    )


def test_without_a_driver_nothing_is_known() -> None:
    assert facts_of(nvml(nvmlInit=refuses)) == NOTHING
