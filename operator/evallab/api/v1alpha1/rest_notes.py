"""What a job that came over REST carries besides its spec, in annotations of its EvalJob object.

    evallab.dev/rest-request     the body as it was posted, as JSON, a long one packed (base64 of zlib); left out where
                                 even that is too large for annotations
    evallab.dev/rest-key         the client's Idempotency-Key
    evallab.dev/rest-hash        sha256 of the posted bytes: what asking again with that key must equal
    evallab.dev/rest-owner       who asked, as Kubernetes reviewed them

The server creates the object, then stores the job's row, whose id is the object's uid. The operator may see the object
before that, or instead, when the server dies in between: whoever is first makes the row, with the same words, so the
operator's intake makes every row with `read(annotations, name).fields()`, as in

    JobRow(id=uid, …, **rest_notes.read(metadata.get("annotations") or {}, metadata["name"]).fields())

which gives request, idempotency_key, request_hash and owner (nothing for an object that did not come over REST). Where
`create_job` returns another id than the uid, another job has that key: then the row is to be made once more, without
idempotency_key. Everybody who may create EvalJobs in the namespace can write these annotations: they are claims about a
job of that namespace, nothing is permitted by them.

`object_name` is the name of the object; the name that the job was given is kept by `annotations` (`name`, `name-of`).
Notes count only for the object that `name-of` names: who copies an object under another name makes a job of their own.
Malformed annotations are ignored: an object never fails for them.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evallab.api.v1alpha1.annotations import PREFIX, dns_label, to_json

MOST_BYTES = 200 * 1024  #: of all annotations together; the API server takes 256 KiB
_REQUEST, _KEY, _HASH, _OWNER = (f"{PREFIX}rest-{name}" for name in ("request", "key", "hash", "owner"))
_NAME, _NAME_OF = f"{PREFIX}name", f"{PREFIX}name-of"
_SUFFIX = 10
_LONG, _MOST_UNPACKED = 8 * 1024, 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class RestNotes:
    """What is known of the request that made a job."""

    request: dict[str, Any] | None = None
    key: str | None = None
    digest: str | None = None
    owner: str | None = None

    def fields(self) -> dict[str, Any]:
        """Return the same as fields of a `JobRow`."""
        return {
            "request": self.request,
            "idempotency_key": self.key,
            "request_hash": self.digest,
            "owner": self.owner,
        }


def write(metadata: Mapping[str, Any], notes: RestNotes, *, name: str, job_name: str) -> dict[str, Any]:
    """Return an object's metadata with its name, the job's own name, and the notes."""
    said = {_KEY: notes.key, _HASH: notes.digest, _OWNER: notes.owner, _NAME_OF: name}
    said[_NAME] = None if job_name == name else job_name
    kept = {**metadata.get("annotations", {}), **{key: text for key, text in said.items() if text is not None}}
    request = "" if notes.request is None else _packed(to_json(notes.request))
    if request and _size(kept) + len(request.encode()) <= MOST_BYTES:
        kept[_REQUEST] = request
    return {**metadata, "name": name, "annotations": kept}


def read(annotations: Mapping[str, str], name: str) -> RestNotes:
    """Return what the annotations of the object of that name say; nothing where they do not, or are another's."""
    if annotations.get(_NAME_OF) != name:
        return RestNotes()
    return RestNotes(
        request=_request(annotations.get(_REQUEST)),
        key=annotations.get(_KEY) or None,
        digest=annotations.get(_HASH) or None,
        owner=annotations.get(_OWNER) or None,
    )


def object_name(text: str, *, of: str) -> str:
    """Return a name for an object that resembles a text; the same text and `of` have the same name, others do not."""
    digest = hashlib.sha256(of.encode()).hexdigest()[:_SUFFIX]
    return f"{dns_label(text)[: 62 - _SUFFIX].strip('-')}-{digest}"


def _size(annotations: Mapping[str, str]) -> int:
    return sum(len(key.encode()) + len(text.encode()) for key, text in annotations.items())


def _packed(text: str) -> str:
    if len(text) < _LONG:
        return text
    return base64.b64encode(zlib.compress(text.encode(), 6)).decode()


def _unpacked(text: str) -> str:
    """Return JSON that may be packed, however much it pretends to become."""
    if text.startswith("{"):
        return text
    return zlib.decompressobj().decompress(base64.b64decode(text, validate=True), _MOST_UNPACKED).decode()


def _request(text: str | None) -> dict[str, Any] | None:
    try:
        value = json.loads(_unpacked(text)) if text else None
    except (ValueError, RecursionError, zlib.error):
        return None
    return value if isinstance(value, dict) else None
