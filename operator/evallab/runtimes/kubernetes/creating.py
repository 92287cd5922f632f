"""Creating objects so that doing it twice is doing it once, and taking them away again."""

from collections.abc import Sequence

from evallab.api.errors import BenchmarkFailed
from evallab.kubeapi.interface import (
    CONFIG_MAP,
    JOB,
    NETWORK_POLICY,
    SERVICE,
    AlreadyExists,
    ClusterApi,
    Json,
    Refused,
)
from evallab.planning.cluster import reading
from evallab.planning.cluster.objects import is_owned
from evallab.runtimes.kubernetes.cache import ClusterCache

KINDS = {kind.name: kind for kind in (CONFIG_MAP, JOB, NETWORK_POLICY, SERVICE)}


async def create_all(api: ClusterApi, cache: ClusterCache, bodies: Sequence[Json], owner_uid: str) -> Json:
    """Create objects in that order and return the last one, the Job. Raises BenchmarkFailed, KubernetesUnavailable."""
    made: Json = {}
    for body in bodies:
        made = await _create(api, body, owner_uid)
    cache.put(JOB, made)
    return made


async def _create(api: ClusterApi, body: Json, owner_uid: str) -> Json:
    kind, metadata = KINDS[body["kind"]], body["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    try:
        return await api.create(kind, namespace, body)
    except AlreadyExists as error:
        found = await api.get(kind, namespace, name)
        if found is None or reading.deleted(found) or not is_owned(found, owner_uid):
            raise _failed(kind.name, name, f"{error.said}, and it is not of this EvalJob") from error
        return found
    except Refused as error:
        raise _failed(kind.name, name, error.said) from error


def _failed(kind: str, name: str, why: str) -> BenchmarkFailed:
    return BenchmarkFailed(
        f"The cluster refuses the {kind} {name}: {why.strip().rstrip('.')}.",
        remedy="Correct what it names in the job, in the provider, or in the chart's settings.",
    )


async def delete_labelled(api: ClusterApi, namespace: str, selector: str, kinds: Sequence[str]) -> None:
    """Delete the objects of some kinds that a selector selects; what may not be deleted goes with its EvalJob."""
    for kind in (KINDS[name] for name in kinds):
        try:
            for body in await api.list(kind, namespace, labels=selector):
                await api.delete(kind, namespace, body["metadata"]["name"], uid=body["metadata"].get("uid"))
        except Refused:
            continue
