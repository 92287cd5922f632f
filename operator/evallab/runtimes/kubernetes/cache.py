"""Jobs and pods of ours as this process last saw them: put in by watches, and by whoever creates one.

An object never goes back to an older version, so what was just created is not forgotten because a watch is behind.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from evallab.kubeapi.interface import JOB, POD, Kind
from evallab.planning.cluster import labels

Json = dict[str, Any]
Key = tuple[str, str, str]  #: plural, namespace, name
Group = tuple[str, str, str]  #: plural, label, value
_GROUPED = (labels.ATTEMPT, labels.JOB)
_KEPT = {
    "metadata": frozenset({
        *("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp"),
        *("labels", "annotations", "ownerReferences"),
    }),
    "spec": frozenset({"suspend", "nodeName"}),
    "status": frozenset({
        *("phase", "reason", "message", "startTime", "conditions"),
        *("initContainerStatuses", "containerStatuses"),
    }),
}  # fmt: skip


class ClusterCache:
    """Jobs and pods by name, by attempt and by job."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._objects: dict[Key, Json] = {}
        self._groups: dict[Group, set[Key]] = defaultdict(set)

    def put(self, kind: Kind, body: Json) -> bool:
        """Remember an object, unless a newer version of it is known; return whether it says anything new."""
        key, now = _key(kind, body), _slim(body)
        known = self._objects.get(key)
        if known is not None and _uid(known) == _uid(body) and _version(body) < _version(known):
            return False
        if known is not None:
            self._forget(key)
        self._objects[key] = now
        for group in _groups(key, body):
            self._groups[group].add(key)
        return known is None or _said(known) != _said(now)

    def drop(self, kind: Kind, body: Json) -> None:
        """Forget an object that is gone; another one that took its name stays."""
        key = _key(kind, body)
        known = self._objects.get(key)
        if known is not None and _uid(known) == _uid(body):
            self._forget(key)

    def job(self, namespace: str, name: str) -> Json | None:
        """Return a Job, None when it was not seen."""
        return self._objects.get((JOB.plural, namespace, name))

    def pods_of(self, attempt_id: str) -> list[Json]:
        """Return the pods of an attempt."""
        return list(self._of(POD, labels.ATTEMPT, attempt_id))

    def of_job(self, kind: Kind, job_id: str) -> list[Json]:
        """Return every Job or pod of a job."""
        return list(self._of(kind, labels.JOB, job_id))

    def servers_of(self, job_id: str) -> list[Json]:
        """Return the Jobs of a job's model server."""
        return [each for each in self._of(JOB, labels.JOB, job_id) if _is_server(each)]

    def server_pods_of(self, job_id: str) -> list[Json]:
        """Return the pods of a job's model server."""
        return [each for each in self._of(POD, labels.JOB, job_id) if _is_server(each)]

    def _of(self, kind: Kind, label: str, raw: str) -> Iterator[Json]:
        for key in self._groups.get((kind.plural, label, labels.value(raw)), ()):
            yield self._objects[key]

    def _forget(self, key: Key) -> None:
        for group in _groups(key, self._objects.pop(key)):
            self._groups[group].discard(key)
            if not self._groups[group]:
                del self._groups[group]


def _slim(body: Json) -> Json:
    """What nobody asks for is not kept: thousands of objects lie here, and their numbers change all the time."""
    return {
        part: {name: said for name, said in (body.get(part) or {}).items() if name in _KEPT[part]} for part in _KEPT
    }


def _said(slim: Json) -> tuple[object, ...]:
    """What somebody has to look at when it changes; that a Job has begun shows in its pod."""
    metadata, status = slim["metadata"], slim["status"]
    told = {name: said for name, said in status.items() if name != "startTime"}
    return metadata.get("uid"), metadata.get("deletionTimestamp"), slim["spec"], told


def _key(kind: Kind, body: Json) -> Key:
    return (kind.plural, body["metadata"].get("namespace", ""), body["metadata"]["name"])


def _groups(key: Key, body: Json) -> Iterator[Group]:
    for label in _GROUPED:
        if said := labels.get(body, label):
            yield (key[0], label, said)


def _is_server(body: Json) -> bool:
    return labels.get(body, labels.ROLE) == labels.SERVER_ROLE


def _uid(body: Json) -> str:
    return str(body["metadata"].get("uid", ""))


def _version(body: Json) -> int:
    said = str(body["metadata"].get("resourceVersion", ""))
    return int(said) if said.isdigit() else 0
