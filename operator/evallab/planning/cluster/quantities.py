"""What containers reserve and may use: from the provider, from `hardwareConfig`, and EvalHub's defaults.

The hardware belongs to whatever holds the model: the model server of `serve`, else the adapter.
"""

from typing import Any

from evallab.api.job import Hardware, Resource
from evallab.planning.cluster.plan import AttemptPlan, ServerPlan

Json = dict[str, Any]
GPU = "nvidia.com/gpu"
SIDECAR: Json = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}
INIT: Json = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}
_ADAPTER = {"cpu": ("250m", "1"), "memory": ("512Mi", "2Gi")}


def adapter(plan: AttemptPlan) -> Json:
    """Return the resources of an adapter."""
    runtime, hardware = plan.runtime, adapter_hardware(plan)
    of_provider = {
        "cpu": (runtime.cpu_request, runtime.cpu_limit),
        "memory": (runtime.memory_request, runtime.memory_limit),
    }
    named = {name: _either(of_provider[name], _ADAPTER[name]) for name in _ADAPTER}
    devices = devices_of(hardware)
    if not devices and runtime.gpu and runtime.gpu.count:
        devices = {runtime.gpu.resource or GPU: str(runtime.gpu.count)}
    return _resources(_asked(hardware, named), devices)


def server(plan: ServerPlan) -> Json:
    """Return the resources of a model server: what was asked for, nothing else."""
    return _resources(_asked(plan.job.hardware, {}), devices_of(plan.job.hardware))


def adapter_hardware(plan: AttemptPlan) -> Hardware | None:
    """Return the hardware that an adapter is given: the benchmark's own, else the job's unless a server holds it."""
    return plan.benchmark.hardware or (plan.job.hardware if plan.job.model.serve is None else None)


def devices_of(hardware: Hardware | None) -> dict[str, str]:
    """Return the devices that are asked for, by the name of their resource."""
    gpu = hardware.gpu if hardware else None
    count = 0 if gpu is None else 1 if gpu.count is None else int(gpu.count)
    return {(gpu.name if gpu and gpu.name else GPU): str(count)} if count else {}


def has_devices(resources: Json) -> bool:
    """Say whether anything but CPU and memory is asked for."""
    return bool(set(resources.get("limits", {})) - {"cpu", "memory"})


Pair = tuple[str, str]  #: request and limit; "" is not said


def _either(said: Pair, default: Pair) -> Pair:
    """Take what was said; of a pair that is half said the other half is not invented below or above it."""
    request, limit = said
    if not request and not limit:
        return default
    return (request or limit, limit)


def _asked(hardware: Hardware | None, otherwise: dict[str, Pair]) -> dict[str, Pair]:
    said = {"cpu": hardware.cpu, "memory": hardware.memory} if hardware else {}
    return otherwise | {name: _pair(each) for name, each in said.items() if each}


def _pair(resource: Resource) -> Pair:
    return (resource.request or resource.limit or "", resource.limit or "")


def _resources(pairs: dict[str, Pair], devices: dict[str, str]) -> Json:
    requests = {name: request for name, (request, _) in pairs.items() if request}
    limits = {name: limit for name, (_, limit) in pairs.items() if limit}
    found = {"requests": requests | devices, "limits": limits | devices}
    return {name: amounts for name, amounts in found.items() if amounts}
