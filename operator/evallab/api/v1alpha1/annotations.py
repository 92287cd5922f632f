"""What v1alpha1 has no field for rides in annotations, so that a job made over REST survives as a custom resource.

    evallab.dev/name              the job's name where it is not a DNS label; metadata.name is then derived from it, and
                                  the annotation counts only while it still yields metadata.name, or while
    evallab.dev/name-of           says metadata.name: the object got its name otherwise (`rest_notes`)
    evallab.dev/description       text
    evallab.dev/model-card-url    text
    evallab.dev/tags              JSON list of texts
    evallab.dev/custom            JSON, as are the following
    evallab.dev/experiment        (MLflow)
    evallab.dev/model-parameters
    evallab.dev/exports           only where `spec.exports` cannot say it

`conversion` calls both functions; nobody else needs to know.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from evallab.api.errors import InvalidManifest
from evallab.api.job import EvalJob

PREFIX = "evallab.dev/"
_TEXTS = ("description", "model-card-url")
_MAPPINGS = ("custom", "experiment", "model-parameters", "exports")


def dns_label(name: str) -> str:
    """Return a DNS label that resembles `name`."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")
    return slug or "job"


def write(job: EvalJob) -> dict[str, str]:
    """Return the annotations that say what the spec of `job` does not."""
    texts = {
        "name": job.name if job.name != dns_label(job.name) else None,
        "description": job.description,
        "model-card-url": job.model.card_url,
    }
    values = {
        "tags": list(job.tags) or None,
        "custom": job.custom or None,
        "experiment": job.experiment,
        "model-parameters": job.model.parameters or None,
    }
    said = {key: text for key, text in texts.items() if text is not None}
    said |= {key: to_json(value) for key, value in values.items() if value is not None}
    return {PREFIX + key: text for key, text in said.items()}


def read(annotations: Mapping[str, str]) -> dict[str, Any]:
    """Return what the annotations say, by the name after the prefix; anything malformed is an InvalidManifest."""
    said = {key.removeprefix(PREFIX): text for key, text in annotations.items() if key.startswith(PREFIX)}
    values: dict[str, Any] = {key: said[key] for key in (*_TEXTS, "name", "name-of") if key in said}
    values |= {key: _json(key, said[key], dict, "a JSON object") for key in _MAPPINGS if key in said}
    if "tags" in said:
        values["tags"] = tuple(_json("tags", said["tags"], list, "a JSON list of texts"))
    if not all(isinstance(tag, str) for tag in values.get("tags", ())):
        raise _malformed("tags", "a JSON list of texts")
    return values


def to_json(value: Any) -> str:
    """Write a value as JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _json(key: str, text: str, kind: type, allowed: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise _malformed(key, allowed) from None
    if not isinstance(value, kind):
        raise _malformed(key, allowed)
    return value


def _malformed(key: str, allowed: str) -> InvalidManifest:
    return InvalidManifest([f'metadata.annotations["{PREFIX}{key}"]: must be {allowed}'])
