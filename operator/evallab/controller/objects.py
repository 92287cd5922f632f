"""The EvalJobs of this cluster as the operator remembers them: what it needs again, and no more.

Ten thousand of them fit into memory because a manifest is kept only until its job is stored, and a status as compressed
bytes: it is needed only to see whether a new one would differ, and since when conditions hold.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]
_KEPT_NOTES = "kubectl.kubernetes.io/"  #: annotations of kubectl: a second copy of the manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One EvalJob object."""

    uid: str
    namespace: str
    name: str
    version: str  #: resourceVersion
    generation: int
    suspend: bool = False
    cancelled: bool = False
    priority: int = 0
    ttl: int | None = None
    deleting: bool = False
    packed_status: bytes = b""
    packed_manifest: bytes = b""  #: empty once the job is stored
    ended: bool = False  #: in the store, and its status says so

    @property
    def status(self) -> Json:
        """The status as it was last seen or written."""
        return unpacked(self.packed_status)

    @property
    def manifest(self) -> Json:
        """The object without its status and what the API server added; {} once it is not needed any more."""
        return unpacked(self.packed_manifest)


def known(body: Mapping[str, Any]) -> Known:
    """Return what is to be remembered of an object."""
    meta, spec = body["metadata"], body.get("spec") or {}
    return Known(
        uid=meta["uid"],
        namespace=meta["namespace"],
        name=meta["name"],
        version=meta.get("resourceVersion", ""),
        generation=meta.get("generation", 1),
        suspend=bool(spec.get("suspend")),
        cancelled=bool(spec.get("cancelled")),
        priority=spec.get("priority") or 0,
        ttl=spec.get("ttlSecondsAfterFinished"),
        deleting="deletionTimestamp" in meta,
        packed_status=packed(body.get("status")),
        packed_manifest=packed(_manifest(body)),
    )


def _manifest(body: Mapping[str, Any]) -> Json:
    meta = body["metadata"]
    notes = {key: text for key, text in (meta.get("annotations") or {}).items() if not key.startswith(_KEPT_NOTES)}
    said = {"name": meta["name"], "namespace": meta["namespace"], "labels": meta.get("labels"), "annotations": notes}
    return {
        "apiVersion": body.get("apiVersion"),
        "kind": body.get("kind"),
        "metadata": {key: value for key, value in said.items() if value},
        "spec": body.get("spec"),
    }


def packed(value: Any) -> bytes:
    """Return JSON in few bytes."""
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1) if value else b""


def unpacked(content: bytes) -> Json:
    """Return what was packed, {} for nothing."""
    if not content:
        return {}
    found: Json = json.loads(zlib.decompress(content))
    return found


class Objects:
    """Every EvalJob that is watched, by uid."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: dict[str, Known] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._known)

    def __iter__(self) -> Iterator[Known]:
        """All of them, as of now."""
        return iter(tuple(self._known.values()))

    def get(self, uid: str) -> Known | None:
        """Return an object, None when it is not there (any more)."""
        return self._known.get(uid)

    def put(self, body: Mapping[str, Any]) -> bool:
        """Remember an object; return whether anything of it is new that somebody has to look at."""
        now = known(body)
        before = self._known.get(now.uid)
        if before is None:
            self._known[now.uid] = now
            return True
        if _older(now.version, before.version):
            return False
        if not before.packed_manifest:
            now = replace(now, packed_manifest=b"")
        self._known[now.uid] = replace(now, ended=before.ended and _asked(now) == _asked(before))
        return _asked(now) != _asked(before) or now.packed_status != before.packed_status

    def stored(self, uid: str) -> None:
        """Forget the manifest: its job is in the store."""
        self._change(uid, packed_manifest=b"")

    def wrote(self, uid: str, body: Mapping[str, Any]) -> None:
        """Remember the status that the API server has now."""
        before = self._known.get(uid)
        if before and not _older(body["metadata"].get("resourceVersion", ""), before.version):
            version = body["metadata"].get("resourceVersion", "")
            self._change(uid, packed_status=packed(body.get("status")), version=version)

    def end(self, uid: str) -> None:
        """Note that nothing of a job will change any more."""
        self._change(uid, ended=True, packed_manifest=b"")

    def resume(self, uid: str) -> None:
        """Note that a job goes on that had ended."""
        self._change(uid, ended=False)

    def drop(self, uid: str) -> None:
        """Forget an object that is gone."""
        self._known.pop(uid, None)

    def _change(self, uid: str, **changes: Any) -> None:
        if uid in self._known:
            self._known[uid] = replace(self._known[uid], **changes)


def _asked(each: Known) -> tuple[object, ...]:
    return (each.generation, each.suspend, each.cancelled, each.priority, each.ttl, each.deleting)


def _older(version: str, than: str) -> bool:
    """Compare resource versions, which are numbers everywhere (and comparable by contract since Kubernetes 1.35)."""
    return version.isdigit() and than.isdigit() and int(version) < int(than)
