"""The operator's metrics, as Prometheus reads them at `/metrics`, and a face of the API server that counts writes."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from evallab.controller.schedule import Outcome
from evallab.kubeapi.interface import ClusterApi, Json, Kind, Propagation

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Figures:
    """Counters of one operator process."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry()
        self.reconciles = Counter(
            "evallab_operator_reconciles_total", "Looks at EvalJobs, by outcome.", ["outcome"], registry=self.registry
        )
        self.duration = Histogram(
            "evallab_operator_reconcile_seconds", "How long looks took.", buckets=_SECONDS, registry=self.registry
        )
        self.depth = Gauge("evallab_operator_queue_depth", "EvalJobs that wait for a worker.", registry=self.registry)
        self.known = Gauge("evallab_operator_evaljobs", "EvalJobs that are watched.", registry=self.registry)
        self.leads = Gauge("evallab_operator_leads", "1 while this process holds the Lease.", registry=self.registry)
        self.writes = Counter(
            "evallab_operator_api_writes_total",
            "Requests that changed something in the cluster.",
            ["verb", "kind"],
            registry=self.registry,
        )

    def ended(self, _key: str, outcome: Outcome, seconds: float) -> None:
        """Count a look."""
        self.reconciles.labels(outcome).inc()
        self.duration.observe(seconds)


class Counted:
    """A `ClusterApi` whose writes are counted."""

    def __init__(self, api: ClusterApi, figures: Figures) -> None:
        """Ask `api`."""
        self._api, self._figures = api, figures
        self.get, self.list, self.log, self.follow_log, self.close = (
            api.get,
            api.list,
            api.log,
            api.follow_log,
            api.close,
        )

    async def create(self, kind: Kind, namespace: str | None, body: Json, *, dry_run: bool = False) -> Json:
        """Create an object."""
        self._count("create", kind)
        return await self._api.create(kind, namespace, body, dry_run=dry_run)

    async def replace(self, kind: Kind, namespace: str | None, name: str, body: Json) -> Json:
        """Replace an object."""
        self._count("update", kind)
        return await self._api.replace(kind, namespace, name, body)

    async def merge(
        self, kind: Kind, namespace: str | None, name: str, patch: Json, *, subresource: str | None = None
    ) -> Json | None:
        """Patch an object."""
        self._count("patch", kind)
        return await self._api.merge(kind, namespace, name, patch, subresource=subresource)

    async def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        propagation: Propagation = "Background",
        grace_seconds: int | None = None,
        uid: str | None = None,
    ) -> bool:
        """Delete an object."""
        self._count("delete", kind)
        return await self._api.delete(
            kind, namespace, name, propagation=propagation, grace_seconds=grace_seconds, uid=uid
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def _count(self, verb: str, kind: Kind) -> None:
        self._figures.writes.labels(verb, kind.plural).inc()
