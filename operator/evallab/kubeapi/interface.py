"""What evallab asks of a Kubernetes API server: objects as dictionaries, nothing else. Implemented by `client`.

Used by the Kubernetes runtime, the controller and the server. An object that is not there is None, never an error;
`Refused` is everything that the API server answered and that asking again will not change.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from evallab.api.errors import EvallabError

Json = dict[str, Any]
Propagation = Literal["Foreground", "Background", "Orphan"]


@dataclass(frozen=True)
class Kind:
    """One kind of object: where its REST path lies."""

    group: str  #: "" for the core group
    version: str
    plural: str
    name: str  #: as in `kind`

    @property
    def api_version(self) -> str:
        """As in `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """Return the path; without a namespace that of all namespaces (or of a cluster-wide kind)."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root, *(("namespaces", namespace) if namespace else ()), self.plural]
        return "/".join([*parts, *(part for part in (name, subresource) if part)])


EVALJOB = Kind("evallab.dev", "v1alpha1", "evaljobs", "EvalJob")
JOB = Kind("batch", "v1", "jobs", "Job")
POD = Kind("", "v1", "pods", "Pod")
CONFIG_MAP = Kind("", "v1", "configmaps", "ConfigMap")
SERVICE = Kind("", "v1", "services", "Service")
EVENT = Kind("", "v1", "events", "Event")
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
LEASE = Kind("coordination.k8s.io", "v1", "leases", "Lease")
WORKLOAD = Kind("kueue.x-k8s.io", "v1beta1", "workloads", "Workload")
TOKEN_REVIEW = Kind("authentication.k8s.io", "v1", "tokenreviews", "TokenReview")
ACCESS_REVIEW = Kind("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview")


class KubernetesUnavailable(EvallabError):
    """The API server cannot be reached, or says that it is overloaded: asking again later may help."""

    code = "kubernetes_unavailable"

    def __init__(self, why: str) -> None:
        """Say why."""
        super().__init__(
            f"The Kubernetes API server does not answer: {why}.",
            remedy="See whether it is up: kubectl get --raw /readyz. What waits for it goes on by itself.",
        )


class Refused(EvallabError):
    """The API server refused a request: `status` and `reason` are its own (403 Forbidden, 422 Invalid, …)."""

    code = "kubernetes_refused"

    def __init__(self, status: int, reason: str, message: str) -> None:
        """Quote the API server."""
        super().__init__(message or reason)
        self.status, self.reason, self.said = status, reason, message or reason


class AlreadyExists(Refused):
    """An object of that name is there."""


class Conflict(Refused):
    """The object changed since it was read."""


class ClusterApi(Protocol):
    """A Kubernetes API server. Every method raises KubernetesUnavailable and Refused."""

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Json | None:
        """Return an object, None when it is not there."""

    async def list(
        self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "", limit: int | None = None
    ) -> list[Json]:
        """Return the objects that match selectors; `limit`: at most so many, else all pages."""

    async def create(self, kind: Kind, namespace: str | None, body: Json, *, dry_run: bool = False) -> Json:
        """Create an object and return it. Raises AlreadyExists."""

    async def replace(self, kind: Kind, namespace: str | None, name: str, body: Json) -> Json:
        """Replace an object whose resourceVersion is in `body`. Raises Conflict."""

    async def merge(
        self, kind: Kind, namespace: str | None, name: str, patch: Json, *, subresource: str | None = None
    ) -> Json | None:
        """Apply a JSON merge patch and return the object; None when it is not there."""

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
        """Delete an object, only the one with that uid if given; return False when it is not there."""

    async def log(self, namespace: str, pod: str, container: str, query: Mapping[str, str | int]) -> bytes | None:
        """Return a container's log (`query`: tailLines, timestamps, limitBytes, …); None when there is none."""

    def follow_log(
        self, namespace: str, pod: str, container: str, query: Mapping[str, str | int]
    ) -> AsyncIterator[bytes]:
        """Yield a container's log as it is written, until the container ends."""

    async def close(self) -> None:
        """Close the connections."""
