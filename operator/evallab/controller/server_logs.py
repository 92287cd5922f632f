"""The log of a model server, kept before its pod goes: `evallab logs` shows it after the logs of the benchmarks.

Called by `model_servers` with each pod that is to end. A pod that cannot be asked costs the log, never the job.
"""

import asyncio
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

from evallab.kubeapi.interface import ClusterApi, Json, KubernetesUnavailable, Refused
from evallab.planning.cluster.model_server import CONTAINER
from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import ArtifactRow, Store

log = logging.getLogger(__name__)
KIND = (
    "server-log"  #: not "log": a server may write down what it is asked, and REST withholds that of confidential data
)
LIMIT = 16 << 20  #: bytes that are kept


@dataclass(frozen=True, kw_only=True)
class _OfJob:
    """The owner of a file that belongs to no benchmark."""

    job_id: str
    index: None = None
    attempt_id: None = None


@dataclass(frozen=True, kw_only=True)
class ServerLogs:
    """Keeps logs of model servers."""

    api: ClusterApi
    store: Store
    files: ArtifactFiles

    async def keep(self, job_id: str, pod: Json) -> None:
        """Keep what a server's pod wrote so far; again is once, unless it wrote more. Raises StoreUnavailable."""
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        try:
            content = await self.api.log(namespace, name, CONTAINER, {"limitBytes": LIMIT})
        except (KubernetesUnavailable, Refused) as error:
            log.warning("log of a model server not kept", extra={"job": job_id, "pod": name, "reason": str(error)})
            return
        if content:
            row = await asyncio.to_thread(self._kept, job_id, f"model-server {name}", content)
            await self.store.add_artifact(row)

    def _kept(self, job_id: str, name: str, content: bytes) -> ArtifactRow:
        with tempfile.TemporaryDirectory(prefix="evallab-server-log-") as folder:
            path = Path(folder) / "server.log"
            path.write_bytes(content)
            return self.files.store_file(path, kind=KIND, name=name, owner=_OfJob(job_id=job_id))
