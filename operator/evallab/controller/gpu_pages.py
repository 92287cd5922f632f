"""What dcgm-exporter says of GPUs on its page for Prometheus, as readings by the pod that has the GPU. Pure.

Called by `exporters`. Only lines about pods that somebody asks for are parsed: pages are long, and parsing is slow.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from evallab.planning.telemetry import GpuReading

Page = Mapping[str, Sequence[str]]  #: lines by "namespace/pod"
_MIB = 2**20
_BLANK = 2.0**47  #: DCGM's values from here on say that there is no value (dcgm_structs.h: DCGM_FP64_BLANK)
_READ: Mapping[str, tuple[str, Callable[[float], Any]]] = {
    "DCGM_FI_DEV_GPU_TEMP": ("temperature_c", float),
    "DCGM_FI_DEV_POWER_USAGE": ("power_w", float),
    "DCGM_FI_DEV_ENFORCED_POWER_LIMIT": ("power_limit_w", float),
    "DCGM_FI_DEV_GPU_UTIL": ("utilisation", float),
    "DCGM_FI_DEV_FB_USED": ("memory_used", lambda mib: int(mib * _MIB)),
    "DCGM_FI_DEV_SM_CLOCK": ("sm_clock_mhz", float),
    "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": ("reasons", int),
    "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS": ("reasons", int),  # its name before DCGM 3.3
}
_NAMESPACE, _POD = re.compile(r'[{,]namespace="([^"]+)"'), re.compile(r'[{,]pod="([^"]+)"')


def by_pod(text: str) -> Page:
    """Return the lines that say something of GPUs, by the pod that has them."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        if line.partition("{")[0] not in _READ:
            continue
        namespace, pod = _NAMESPACE.search(line), _POD.search(line)
        if namespace and pod:
            found[f"{namespace[1]}/{pod[1]}"].append(line)
    return found


def readings(lines: Iterable[str]) -> list[GpuReading]:
    """Return the GPUs of one pod, what is not said as unknown. Raises ValueError where a line is broken."""
    gpus: dict[str, dict[str, Any]] = {}
    for name, labels, value in _samples(lines):
        uuid = _device(labels)
        driver = labels.get("DCGM_FI_DRIVER_VERSION", "")
        said = gpus.setdefault(uuid, {"uuid": uuid, "name": labels.get("modelName") or "GPU", "driver": driver})
        field, converted = _READ[name]
        if math.isfinite(value) and value < _BLANK:
            said[field] = converted(value)
    return [GpuReading(**said) for said in gpus.values()]


def _samples(lines: Iterable[str]) -> Iterator[tuple[str, Mapping[str, str], float]]:
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            if sample.labels.get("UUID"):
                yield sample.name, sample.labels, sample.value


def _device(labels: Mapping[str, str]) -> str:
    """Name a GPU, and which part of it where it is divided (MIG)."""
    part = labels.get("GPU_I_ID")
    return f"{labels['UUID']}/{part}" if part else labels["UUID"]
