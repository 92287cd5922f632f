"""What NVIDIA's library says becomes readings; a stand-in for the library, because it needs a driver."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from evallab.planning.telemetry import GpuReading
from evallab.runtimes.local.gpu_readings import NvmlReader


class Library:
    """Two GPUs: one says everything, the other next to nothing. It counts what it is asked."""

    NVML_TEMPERATURE_GPU, NVML_CLOCK_SM = 0, 1

    class NVMLError(Exception): ...

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def answer(device: str = "", *_: Any) -> Any:
            self.asked.append(name)
            if device == "GPU-gone" or (device == "GPU-mig" and name not in {"nvmlDeviceGetHandleByUUID"}):
                raise self.NVMLError
            return ANSWERS.get(name, device)

        return answer


ANSWERS = {
    "nvmlSystemGetDriverVersion": "570.1",
    "nvmlDeviceGetName": "NVIDIA H200",
    "nvmlDeviceGetEnforcedPowerLimit": 700_000,
    "nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=9), SimpleNamespace(pid=7)],
    "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=98, memory=40),
    "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=5, total=9),
    "nvmlDeviceGetTemperature": 71,
    "nvmlDeviceGetPowerUsage": 312_500,
    "nvmlDeviceGetClockInfo": 1980,
    "nvmlDeviceGetCurrentClocksEventReasons": 0x4,
}
WHOLE = GpuReading(
    uuid="GPU-0",
    name="NVIDIA H200",
    driver="570.1",
    temperature_c=71,
    power_w=312.5,
    power_limit_w=700.0,
    utilisation=98,
    memory_used=5,
    sm_clock_mhz=1980,
    reasons=0x4,
    processes=(7, 9),
)


def test_what_it_says_is_read_in_our_units_and_what_it_does_not_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library()
    monkeypatch.setitem(sys.modules, "pynvml", library)
    reader = NvmlReader()
    assert reader.read(["GPU-0", "GPU-mig", "GPU-gone"], anew=True) == [
        WHOLE,
        GpuReading(uuid="GPU-mig", name="GPU", driver="570.1"),
    ]
    library.asked.clear()
    assert reader.read(["GPU-0"], anew=False) == [WHOLE]
    assert "nvmlDeviceGetComputeRunningProcesses" not in library.asked
    assert "nvmlInit" not in library.asked
    reader.close()
    assert library.asked[-1] == "nvmlShutdown"
