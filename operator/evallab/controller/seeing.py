"""What the operator sees of the GPUs and model servers of jobs, for `engine.watching`. Called by `parts`.

Nothing is asked of the API server: the pods of a job are in the cache of the watches. Whose process computes on a GPU
is not known here, so no rule about foreign processes applies.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from evallab.api.job import EvalJob
from evallab.controller.exporters import Exporters
from evallab.controller.model_servers import ClusterModels
from evallab.engine.watching import WINDOW_S, Sight, Watch
from evallab.kubeapi.interface import POD
from evallab.planning.cluster.quantities import devices_of
from evallab.planning.telemetry import GpuReading
from evallab.runtimes.kubernetes.cache import ClusterCache
from evallab.store.interface import JobRow, Store

PATIENCE_S = 300.0  #: longer than a job is left alone (`reconciler.RESYNC_S`, twice at most)
NOT_SET = "cluster: telemetry.dcgm.service of the chart is not set"
NOT_TOLD = "cluster: no dcgm-exporter told of the GPUs of its pods"


class NoExporters:
    """Nobody tells of GPUs."""

    async def read(self, names: Sequence[str], *, anew: bool) -> Sequence[GpuReading]:
        """See nothing."""
        del names, anew
        return ()

    async def close(self) -> None:
        """Hold nothing."""


def watch(
    store: Store, cache: ClusterCache, models: ClusterModels, *, exporter: str, now: Callable[[], datetime]
) -> Watch:
    """Return who watches the jobs of an operator; `exporter` is where dcgm-exporters are found, "" without any."""

    def pods(job_id: str) -> list[str]:
        found = (each["metadata"] for each in cache.of_job(POD, job_id))
        return [f"{each['namespace']}/{each['name']}" for each in found] if exporter else []

    sight = Sight(
        gpus=Exporters(service=exporter) if exporter else NoExporters(),
        devices=pods,
        foreign=None,
        url=models.url,
        watches=lambda job: job.spec.model.serve is not None or bool(exporter and asks_for_gpus(job.spec)),
        unseen=lambda job: unseen(job, exporter),
    )
    return Watch(store, sight, now=now, period_s=WINDOW_S, patience_s=PATIENCE_S)


def asks_for_gpus(job: EvalJob) -> bool:
    """Say whether anything of a job is to have a GPU, as far as the job says it (an image's provider may, too)."""
    return any(map(devices_of, (job.hardware, *(each.hardware for each in job.benchmarks))))


def unseen(job: JobRow, exporter: str) -> str:
    """Say why no GPU of a job was seen."""
    if not exporter:
        return NOT_SET
    return NOT_TOLD if asks_for_gpus(job.spec) else "no GPU"
