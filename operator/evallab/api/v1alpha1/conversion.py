"""EvalJob to manifest and back, without loss: `to_job(from_job(job)) == job` for every job that v1alpha1 can say.

Attributes of both models have the same names on purpose, so that most values convert as they are; what differs is
written out here: secrets are references, `determinism`, placement fields lie in the spec, and annotations.
A job that breaks a bound of v1alpha1 (a name that is too long) is an InvalidManifest.
"""

from typing import Any

from pydantic import BaseModel, ValidationError

from evallab.api import job as internal
from evallab.api.errors import InvalidManifest
from evallab.api.job import EvalJob
from evallab.api.sentences import sentences
from evallab.api.v1alpha1 import annotations
from evallab.api.v1alpha1.benchmark import Benchmark
from evallab.api.v1alpha1.conduct import Exports
from evallab.api.v1alpha1.manifest import API_VERSION, KIND, EvalJobManifest, EvalJobSpec
from evallab.api.v1alpha1.model import Model
from evallab.api.v1alpha1.source import TestDataRef, WeightsSource

_SAME = (
    *("suspend", "cancelled", "priority", "retries"),
    *("timeout_seconds", "pending_deadline_seconds", "ttl_seconds_after_finished"),
    *("code_execution", "network", "hardware", "sampling", "compare", "validity", "pass_criteria"),
)
_PLACEMENT = ("node_selector", "priority_class_name", "runtime_class_name", "pod_template")
_DATA_TYPES = {"data_set": "DataSet", "pre_recorded_data": "PreRecordedData", None: None}
_JOB_DATA_TYPES = {face: word for word, face in _DATA_TYPES.items()}


def to_job(manifest: EvalJobManifest) -> EvalJob:
    """Convert a manifest to the internal model."""
    spec, said = manifest.spec, annotations.read(manifest.metadata.annotations)
    fields = {name: _plain(getattr(spec, name)) for name in _SAME}
    return EvalJob.model_validate(
        fields
        | {
            "name": _name(manifest.metadata.name, said),
            "description": said.get("description"),
            "tags": said.get("tags", ()),
            "model": _job_model(spec.model)
            | {"parameters": said.get("model-parameters", {}), "card_url": said.get("model-card-url")},
            "collection": _job_collection(spec),
            "benchmarks": [_job_benchmark(benchmark) for benchmark in spec.benchmarks],
            "canary": spec.determinism.canary,
            "placement": _job_placement(spec),
            "exports": _job_exports(spec, said),
            "experiment": said.get("experiment"),
            "custom": said.get("custom", {}),
        }
    )


def from_job(job: EvalJob) -> EvalJobManifest:
    """Convert the internal model to a manifest; what it cannot say as fields is in its annotations."""
    exports = _exports(job.exports)
    notes = annotations.write(job)
    if job.exports is not None and exports is None:
        notes[f"{annotations.PREFIX}exports"] = annotations.to_json(job.exports)
    whole = {
        "api_version": API_VERSION,
        "kind": KIND,
        "metadata": {"name": annotations.dns_label(job.name), "annotations": notes},
        "spec": _spec(job) | {"exports": exports},
    }
    try:
        return EvalJobManifest.model_validate(whole)
    except ValidationError as error:
        raise InvalidManifest(sentences(error, EvalJobManifest)) from None


def to_dict(manifest: EvalJobManifest) -> dict[str, Any]:
    """Return the manifest as it is written to a file or to the API server: camelCase, defaults left out."""
    return manifest.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else value


def _name(label: str, said: dict[str, Any]) -> str:
    """Return the name as it was given, if it is still that of this object, else metadata.name."""
    original = said.get("name")
    kept = original and (said.get("name-of") == label or annotations.dns_label(original) == label)
    return str(original) if kept else label


def _job_source(value: Any) -> Any:
    """A source with the name of its secret instead of the reference."""
    plain = _plain(value)
    if isinstance(plain, dict) and plain.get("secret_ref"):
        plain["secret_ref"] = plain["secret_ref"]["name"]
    return plain


def _source(value: Any) -> Any:
    plain = _plain(value)
    if isinstance(plain, dict) and plain.get("secret_ref"):
        plain["secret_ref"] = {"name": plain["secret_ref"]}
    return plain


def _job_model(model: Model) -> dict[str, Any]:
    fields = model.model_dump(exclude={"auth", "serve"})
    return fields | {
        "secret_ref": model.auth.secret_ref.name if model.auth else None,
        "serve": _with_source(model.serve, _job_source) if model.serve else None,
    }


def _model(model: internal.Model) -> dict[str, Any]:
    fields = model.model_dump(exclude={"secret_ref", "serve", "parameters", "card_url"})
    return fields | {
        "auth": {"secret_ref": {"name": model.secret_ref}} if model.secret_ref else None,
        "serve": _with_source(model.serve, _source) if model.serve else None,
    }


def _with_source(serve: Any, convert: Any) -> dict[str, Any]:
    fields: dict[str, Any] = serve.model_dump()
    if serve.source:
        fields["source"] = {name: convert(getattr(serve.source, name)) for name in WeightsSource.model_fields}
    return fields


def _job_benchmark(benchmark: Benchmark) -> dict[str, Any]:
    fields = benchmark.model_dump()
    if data := benchmark.test_data:
        fields["test_data"] = {name: _job_source(getattr(data, name)) for name in TestDataRef.model_fields}
        fields["test_data"]["type"] = _JOB_DATA_TYPES[data.type]
    return fields


def _benchmark(benchmark: internal.Benchmark) -> dict[str, Any]:
    fields = benchmark.model_dump()
    if data := benchmark.test_data:
        fields["test_data"] = {name: _source(getattr(data, name)) for name in TestDataRef.model_fields}
        fields["test_data"]["type"] = _DATA_TYPES[data.type]
    return fields


def _job_collection(spec: EvalJobSpec) -> dict[str, Any] | None:
    if not spec.collection:
        return None
    return {"id": spec.collection.id, "benchmarks": [_job_benchmark(each) for each in spec.collection.benchmarks]}


def _job_placement(spec: EvalJobSpec) -> dict[str, Any]:
    tolerations = [each.model_dump(by_alias=True, exclude_none=True) for each in spec.tolerations]
    return {name: getattr(spec, name) for name in _PLACEMENT} | {"tolerations": tolerations}


def _job_exports(spec: EvalJobSpec, said: dict[str, Any]) -> Any:
    if spec.exports is None:
        return said.get("exports")
    return spec.exports.model_dump(exclude_defaults=True)


def _exports(exports: internal.Json | None) -> dict[str, Any] | None:
    """Return the exports when v1alpha1 says exactly the same."""
    if exports is None:
        return None
    try:
        said = Exports.model_validate(exports, by_alias=False, by_name=True).model_dump(exclude_defaults=True)
    except ValidationError:
        return None
    return said if said == exports else None


def _spec(job: EvalJob) -> dict[str, Any]:
    collection = job.collection and {
        "id": job.collection.id,
        "benchmarks": [_benchmark(each) for each in job.collection.benchmarks],
    }
    fields = {name: _plain(getattr(job, name)) for name in _SAME}
    return fields | {
        "model": _model(job.model),
        "collection": collection,
        "benchmarks": [_benchmark(each) for each in job.benchmarks],
        "determinism": {"canary": job.canary},
        "tolerations": list(job.placement.tolerations),
        **{name: getattr(job.placement, name) for name in _PLACEMENT},
    }
