"""`evallab operator`: brings the EvalJobs of a cluster to their end; in a pod of the chart, or outside a cluster."""

import asyncio
import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evallab.api.errors import UsageError

if TYPE_CHECKING:
    from evallab.controller.house import Wishes
    from evallab.kubeapi.client import KubernetesApi

CONFIG = "EVALLAB_CLUSTER_CONFIG"
DATABASE = "EVALLAB_DATABASE_URL"


@click.command(short_help="Bring the EvalJobs of a cluster to their end.")
@click.option("-n", "--namespace", "namespaces", multiple=True, help="Look here only; may be repeated.")
@click.option("--all-namespaces", is_flag=True, help="Look everywhere, whatever the configuration says.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Run outside a cluster: which kubeconfig.")
@click.option("--context", help="Run outside a cluster: which kube context.")
@click.option("--port", default=8081, show_default=True, help="Where /healthz, /readyz and /metrics are.")
@click.option("--workers", default=16, show_default=True, help="EvalJobs that are looked at at once.")
@click.option("--parallel", default=100, show_default=True, help="Benchmarks of one EvalJob that run at once.")
def operator(
    *,
    namespaces: tuple[str, ...],
    all_namespaces: bool,
    kubeconfig: Path | None,
    context: str | None,
    port: int,
    workers: int,
    parallel: int,
) -> None:
    """Bring the EvalJobs of a cluster to their end.

    EVALLAB_CLUSTER_CONFIG names the file that the chart writes, EVALLAB_DATABASE_URL the database. Several may run:
    one works, the others wait for its Lease.
    """
    from evallab.controller.house import operate
    from evallab.server.jsonlog import log_to_stderr

    log_to_stderr(os.environ.get("LOG_LEVEL", "INFO"))
    if namespaces and all_namespaces:
        raise UsageError("--namespace and --all-namespaces exclude each other.")
    wishes = _wishes(None if all_namespaces else namespaces, port=port, workers=workers, parallel=parallel)

    async def run() -> None:
        api = await _api(kubeconfig, context)
        try:
            await operate(wishes, api)
        finally:
            await api.close()

    _collect_rarely()
    with asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(run())


def _collect_rarely() -> None:
    """Look for garbage less often: modules and caches never become any, and looking through them costs a sixth."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _wishes(namespaces: tuple[str, ...] | None, *, port: int, workers: int, parallel: int) -> "Wishes":
    """Read what the environment says; `namespaces` None means all, () what the configuration says."""
    import yaml

    from evallab.controller.house import Wishes
    from evallab.planning.cluster.config import read
    from evallab.server.live_catalog import Images, LiveCatalog
    from evallab.settings import Settings

    file = os.environ.get(CONFIG)
    if not file:
        raise UsageError(f"{CONFIG} is not set.", remedy="It names the file that the chart writes; see its values.")
    try:
        document = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    installation = read(document or {}, file=file)
    settings = Settings.read(os.environ)
    if settings.database_url is None:
        raise UsageError(f"{DATABASE} is not set.", remedy="The operator needs a Postgres that pods share.")
    images = Images(allowed=installation.allowed_images, instead=installation.provider_images)
    return Wishes(
        database_url=settings.database_url,
        installation=installation,
        catalogue=lambda store: LiveCatalog(settings.catalog_dir, store, images=images),
        namespaces=() if namespaces is None else namespaces or installation.watch_namespaces,
        scratch=settings.home,
        port=port,
        workers=workers,
        parallel=parallel,
    )


async def _api(kubeconfig: Path | None, context: str | None) -> "KubernetesApi":
    """Reach the cluster that this runs in, unless another one is named."""
    from evallab.kubeapi.client import in_cluster, of_context

    if kubeconfig or context or not os.environ.get("KUBERNETES_SERVICE_HOST"):
        return await of_context(context, kubeconfig)
    return await in_cluster()


def _loop() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ImportError:  # pragma: no cover - an installation without the extra's wheels
        return None
    return uvloop.Loop
