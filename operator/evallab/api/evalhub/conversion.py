"""JobRequest to EvalJob and back, without loss: `to_job(from_job(job)) == job` for every job that EvalHub can say.

An empty url, white space around a queue's name and the deprecated top-level `queue` are the only things that come back
in another form. The server (a later issue) answers with `to_body`; `api.read` takes such bodies as files.
"""

from typing import Any

from pydantic import BaseModel, ValidationError

from evallab.api import job as internal
from evallab.api.errors import InvalidManifest
from evallab.api.evalhub import extras
from evallab.api.evalhub.data import HardwareConfig, TestDataRef
from evallab.api.evalhub.request import Benchmark, JobRequest, Model
from evallab.api.job import EvalJob
from evallab.api.sentences import problems, sentences

_SAME = ("name", "description", "tags")


def to_job(request: JobRequest) -> EvalJob:
    """Convert a request to the internal model."""
    more = _extras(request.custom.get(extras.KEY, {}))
    ours = {name: getattr(more, name) for name in extras.Extras.model_fields if name not in extras.MODEL_FIELDS}
    fields = ours | {
        **{name: getattr(request, name) for name in _SAME},
        "model": _job_model(request.model) | {name: getattr(more, name) for name in extras.MODEL_FIELDS},
        "pass_criteria": _plain(request.pass_criteria),
        "benchmarks": [_job_benchmark(each) for each in request.benchmarks],
        "collection": _job_collection(request),
        "hardware": _job_hardware(request),
        "experiment": _compact(request.experiment),
        "exports": _compact(request.exports),
        "custom": {key: value for key, value in request.custom.items() if key != extras.KEY},
    }
    return EvalJob.model_validate(fields)


def from_job(job: EvalJob) -> JobRequest:
    """Convert the internal model to a request."""
    more = extras.of(job)
    fields = {name: getattr(job, name) for name in _SAME} | {
        "model": _model(job.model),
        "pass_criteria": _plain(job.pass_criteria),
        "benchmarks": [_benchmark(each) for each in job.benchmarks],
        "collection": job.collection
        and {"id": job.collection.id, "benchmarks": [_benchmark(each) for each in job.collection.benchmarks]},
        "hardware_config": _hardware(job.hardware),
        "experiment": job.experiment,
        "exports": job.exports,
        "custom": {**job.custom, extras.KEY: more} if more else job.custom,
    }
    try:
        return JobRequest.model_validate(fields)
    except ValidationError as error:
        raise InvalidManifest(sentences(error, JobRequest)) from None


def to_body(request: JobRequest) -> dict[str, Any]:
    """Return the request as EvalHub writes it: what is empty is left out, `model.url` is always there."""
    body = request.model_dump(mode="json", exclude_defaults=True)
    body["model"] = {"url": "", **body["model"]}
    return body


def _plain(value: BaseModel | None) -> dict[str, Any] | None:
    return value.model_dump() if value is not None else None


def _compact(value: BaseModel | None) -> dict[str, Any] | None:
    return value.model_dump(mode="json", exclude_defaults=True) if value is not None else None


def _extras(said: Any) -> extras.Extras:
    if not isinstance(said, dict):
        raise InvalidManifest([f"custom.{extras.KEY}: must be a mapping of fields; this key belongs to evallab"])
    try:
        return extras.Extras.model_validate(said)
    except ValidationError as error:
        found = problems(error, extras.Extras)
        raise InvalidManifest([f"custom.{extras.KEY}.{problem}" for problem in found]) from None


def _job_model(model: Model) -> dict[str, Any]:
    fields = model.model_dump(exclude={"auth"})
    return fields | {"url": model.url or None, "secret_ref": model.auth.secret_ref if model.auth else None}


def _model(model: internal.Model) -> dict[str, Any]:
    fields = model.model_dump(include={"name", "parameters", "card_url"})
    auth = {"secret_ref": model.secret_ref} if model.secret_ref else None
    return fields | {"url": model.url or "", "auth": auth}


def _job_benchmark(benchmark: Benchmark) -> dict[str, Any]:
    fields = benchmark.model_dump(exclude={"hardware_config", "test_data_ref"})
    return fields | placed(benchmark.test_data_ref, benchmark.hardware_config)


def placed(data: TestDataRef | None, hardware: HardwareConfig | None) -> dict[str, Any]:
    """Return the fields of an internal benchmark that say where its data and its hardware come from."""
    return {
        "test_data": data.model_dump(exclude={"resolved_sha"}) if data else None,
        "hardware": _renamed(_plain(hardware), "hardware_profile_name", "profile"),
    }


def _benchmark(benchmark: internal.Benchmark) -> dict[str, Any]:
    fields = benchmark.model_dump(exclude={"hardware", "test_data"})
    return fields | {"test_data_ref": _plain(benchmark.test_data), "hardware_config": _hardware(benchmark.hardware)}


def _job_collection(request: JobRequest) -> dict[str, Any] | None:
    if not request.collection:
        return None
    overrides = [_job_benchmark(each) for each in request.collection.benchmarks]
    return {"id": request.collection.id, "benchmarks": overrides}


def _job_hardware(request: JobRequest) -> dict[str, Any] | None:
    """Return the hardware; `queue` beside it is an old name of its queue."""
    hardware = _renamed(_plain(request.hardware_config), "hardware_profile_name", "profile")
    if request.queue and not (hardware and hardware.get("queue")):
        return {**(hardware or {}), "queue": request.queue.model_dump()}
    return hardware


def _hardware(hardware: internal.Hardware | None) -> dict[str, Any] | None:
    return _renamed(_plain(hardware), "profile", "hardware_profile_name")


def _renamed(fields: dict[str, Any] | None, old: str, new: str) -> dict[str, Any] | None:
    if fields is None:
        return None
    return {new if name == old else name: value for name, value in fields.items()}
