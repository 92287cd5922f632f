"""What the GPUs of this machine do now, once a second: NVIDIA's library, opened once and kept open.

`engine.watching` asks; the composition root passes the reader on and closes it. Without the package or the driver there
is nothing to read. Opening costs milliseconds, a reading much less: that is why this is not part of `gpus`.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from evallab.planning.telemetry import GpuReading


@dataclass
class NvmlReader:
    """What NVIDIA's management library says (the package nvidia-ml-py, extra `gpu`)."""

    _nvml: Any = None
    _driver: str = ""
    _devices: dict[str, Any] = field(default_factory=dict)
    _processes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def read(self, uuids: Sequence[str], *, anew: bool) -> list[GpuReading]:
        """Return how these GPUs are; `anew`: also who computes on them and which driver it is, which costs more."""
        if self._nvml is None and not self._open():
            return []
        if anew:
            self._driver = str(self._said(self._nvml.nvmlSystemGetDriverVersion) or "")
        return [self._reading(uuid, device, anew=anew) for uuid in uuids if (device := self._device(uuid)) is not None]

    def close(self) -> None:
        """Let go of the library."""
        if self._nvml is not None:
            self._said(self._nvml.nvmlShutdown)
        self._nvml, self._devices = None, {}

    def _open(self) -> bool:
        try:
            import pynvml
        except ModuleNotFoundError:
            return False
        with suppress(pynvml.NVMLError):
            pynvml.nvmlInit()
            self._nvml = pynvml
        return self._nvml is not None

    def _device(self, uuid: str) -> Any:
        if uuid not in self._devices:
            device = self._said(self._nvml.nvmlDeviceGetHandleByUUID, uuid)
            if device is None:
                return None
            name = str(self._said(self._nvml.nvmlDeviceGetName, device) or "GPU")
            limit = self._said(self._nvml.nvmlDeviceGetEnforcedPowerLimit, device)
            self._devices[uuid] = (device, name, _watts(limit))
        return self._devices[uuid]

    def _reading(self, uuid: str, known: tuple[Any, str, float | None], *, anew: bool) -> GpuReading:
        nvml, (device, name, limit) = self._nvml, known
        if anew:
            found = self._said(nvml.nvmlDeviceGetComputeRunningProcesses, device) or ()
            self._processes[uuid] = tuple(sorted(each.pid for each in found))
        utilisation = self._said(nvml.nvmlDeviceGetUtilizationRates, device)
        memory = self._said(nvml.nvmlDeviceGetMemoryInfo, device)
        return GpuReading(
            uuid=uuid,
            name=name,
            driver=self._driver,
            temperature_c=self._said(nvml.nvmlDeviceGetTemperature, device, nvml.NVML_TEMPERATURE_GPU),
            power_w=_watts(self._said(nvml.nvmlDeviceGetPowerUsage, device)),
            power_limit_w=limit,
            utilisation=None if utilisation is None else utilisation.gpu,
            memory_used=None if memory is None else int(memory.used),
            sm_clock_mhz=self._said(nvml.nvmlDeviceGetClockInfo, device, nvml.NVML_CLOCK_SM),
            reasons=self._said(nvml.nvmlDeviceGetCurrentClocksEventReasons, device),
            processes=self._processes.get(uuid, ()),
        )

    def _said(self, ask: Callable[..., Any], *of: Any) -> Any:
        """Return an answer; None where a GPU does not know it, or is gone."""
        try:
            return ask(*of)
        except self._nvml.NVMLError:
            return None


def _watts(milliwatts: float | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000
