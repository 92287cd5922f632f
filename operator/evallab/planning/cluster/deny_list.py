"""`spec.podTemplate`: what of it may be merged into our pods, and what is refused, each with its path.

Named is what is allowed; everything else is refused, for a pod may do more than whoever asks for an evaluation may.
`problems` is asked before a job is accepted, `merged` when its pods are made.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]
ROOT = "spec.podTemplate"
ADAPTER, SERVER = "adapter", "server"
_KEPT = ("evallab.dev/", "kueue.x-k8s.io/", "app.kubernetes.io/managed-by", "batch.kubernetes.io/")
_WEAKENING = ("container.apparmor.security.", "container.seccomp.security.", "seccomp.security.")
_POD = frozenset(
    {
        *("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "schedulerName", "priorityClassName"),
        *("preemptionPolicy", "runtimeClassName", "hostAliases", "dnsConfig", "imagePullSecrets"),
        *("hostUsers", "dnsPolicy", "securityContext", "volumes", "containers"),
    }
)
_CONTAINER = frozenset({"name", "resources", "volumeMounts"})
_SECURITY = frozenset({"fsGroup", "fsGroupChangePolicy", "supplementalGroups", "runAsUser", "runAsGroup"})
_VOLUMES = frozenset({"emptyDir", "configMap", "persistentVolumeClaim", "ephemeral", "downwardAPI", "image"})
_PLACES = ("/meta", "/data", "/spool", "/test_data", "/tmp", "/etc/evallab", "/var/run/secrets")  # noqa: S108 - in a pod
_OURS = frozenset(
    {"config", "meta", "data", "spool", "tmp", "own-tmp", "test-data", "test-data-secret", "model-secret", "token"}
    | {"cache", "weights", "shm"}
)


def problems(template: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a sentence with its path for everything that is refused."""
    return tuple(_problems(template))


def _problems(template: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown(ROOT, template, frozenset({"metadata", "spec"}))
    metadata, spec = template.get("metadata"), template.get("spec")
    if metadata is not None:
        yield from _metadata(metadata)
    if spec is not None:
        yield from _spec(spec)


def _metadata(metadata: Any) -> Iterator[str]:
    where = f"{ROOT}.metadata"
    if not isinstance(metadata, Mapping):
        yield f"{where}: must be an object"
        return
    yield from _unknown(where, metadata, frozenset({"labels", "annotations"}))
    for part in ("labels", "annotations"):
        said = metadata.get(part) or {}
        if not isinstance(said, Mapping):
            yield f"{where}.{part}: must be an object"
            continue
        yield from (f"{where}.{part}[{key}]: is evallab's own" for key in said if str(key).startswith(_KEPT))
        weakening = [key for key in said if str(key).startswith(_WEAKENING)]
        yield from (f"{where}.{part}[{key}]: loosens the pod's security" for key in weakening)


def _spec(spec: Any) -> Iterator[str]:
    where = f"{ROOT}.spec"
    if not isinstance(spec, Mapping):
        yield f"{where}: must be an object"
        return
    yield from _unknown(where, spec, _POD)
    for name, rule in _RULES.items():
        if name in spec:
            yield from rule(f"{where}.{name}", spec[name])


def _security(where: str, said: Any) -> Iterator[str]:
    if not isinstance(said, Mapping):
        yield f"{where}: must be an object"
        return
    yield from _unknown(where, said, _SECURITY)
    if said.get("runAsUser") == 0:
        yield f"{where}.runAsUser: must not be 0"


def _dns(where: str, said: Any) -> Iterator[str]:
    if said not in {"ClusterFirst", "Default", "None"}:
        yield f"{where}: must be ClusterFirst, Default or None"


def _users(where: str, said: Any) -> Iterator[str]:
    if said is not False:
        yield f"{where}: can only be false"


def _volumes(where: str, said: Any) -> Iterator[str]:
    for at, each in _entries(where, said):
        if isinstance(each, str):
            yield each
            continue
        yield from _unknown(at, each, _VOLUMES | {"name"})
        if each.get("name") in _OURS:
            yield f'{at}.name: "{each.get("name")}" is a volume of evallab; choose another name'


def _containers(where: str, said: Any) -> Iterator[str]:
    for at, each in _entries(where, said):
        if isinstance(each, str):
            yield each
            continue
        if each.get("name") not in {ADAPTER, SERVER}:
            yield f'{at}.name: only the containers "{ADAPTER}" and "{SERVER}" can be named; found "{each.get("name")}"'
        yield from _unknown(at, each, _CONTAINER)
        for place, mount in _entries(f"{at}.volumeMounts", each.get("volumeMounts") or []):
            yield from [mount] if isinstance(mount, str) else _mount(place, mount)


def _mount(where: str, mount: Json) -> Iterator[str]:
    path = str(mount.get("mountPath", ""))
    if any(path == place or path.startswith(f"{place}/") for place in _PLACES) or path in {"", "/"}:
        yield f"{where}.mountPath: {path or 'nothing'} is a place of evallab; choose another one"
    if mount.get("name") in _OURS:
        yield f"{where}.name: the volume {mount.get('name')} is evallab's own"


def _entries(where: str, said: Any) -> Iterator[tuple[str, Json | str]]:
    """Yield the objects of a list with their paths; a sentence in the place of what is none."""
    if not isinstance(said, list | tuple):
        yield where, f"{where}: must be a list"
        return
    for position, each in enumerate(said):
        at = f"{where}[{position}]"
        yield at, dict(each) if isinstance(each, Mapping) else f"{at}: must be an object"


def _unknown(where: str, said: Mapping[str, Any], known: frozenset[str]) -> Iterator[str]:
    for name in said:
        if name not in known:
            yield f"{where}.{name}: is not allowed; allowed are {', '.join(sorted(known))}"


_RULES: Mapping[str, Callable[[str, Any], Iterator[str]]] = {
    "securityContext": _security,
    "dnsPolicy": _dns,
    "hostUsers": _users,
    "volumes": _volumes,
    "containers": _containers,
}
_JOINED = frozenset({"volumes", "tolerations", "imagePullSecrets", "hostAliases", "topologySpreadConstraints"})


def merged(template: Json, wanted: Mapping[str, Any], container: str) -> Json:
    """Return our pod template with what is wanted, for the pod that has that container. `wanted` has no problems.

    Lists that add to ours are joined, maps are merged key by key, everything else replaces.
    """
    extra = dict(wanted.get("metadata") or {})
    metadata = {**template["metadata"]}
    for part in ("labels", "annotations"):
        if extra.get(part):
            metadata[part] = {**extra[part], **metadata.get(part, {})}
    spec = dict(template["spec"])
    for name, said in (wanted.get("spec") or {}).items():
        spec[name] = _joined(name, spec.get(name), said, container)
    return {**template, "metadata": metadata, "spec": spec}


def _joined(name: str, ours: Any, said: Any, container: str) -> Any:
    if name == "containers":
        mine = [each for each in said if each["name"] == container]
        return [_container(each, mine) for each in ours]
    if name in _JOINED:
        return [*(ours or []), *said]
    if name in {"securityContext", "nodeSelector"}:
        return {**(ours or {}), **said}
    return said


def _container(ours: Json, said: list[Json]) -> Json:
    for each in said:
        mounts = [*ours.get("volumeMounts", []), *(each.get("volumeMounts") or [])]
        amounts = ours.get("resources", {})
        added = each.get("resources") or {}
        resources = {part: {**amounts.get(part, {}), **(added.get(part) or {})} for part in ("requests", "limits")}
        claims = {"claims": added["claims"]} if added.get("claims") else {}
        ours = {**ours, "volumeMounts": mounts, "resources": {k: v for k, v in resources.items() if v} | claims}
    return ours
