"""What a job made over REST may not say, and what is only warned about."""

from typing import Any

import pytest

from evallab.api.evalhub.errors import ApiError
from evallab.api.job import EvalJob, Gpu, Hardware
from evallab.planning.rest_conditions import (
    Allowed,
    PathNamed,
    as_local,
    paths_named,
    refusal,
    refused_over_rest,
    within,
)

OWNER = "the owner of the server can allow it with evallab.rest"
OVERRIDE = {"provider_id": "p", "id": "b", "parameters": {"tokenizer": "/x"}}
ALL = Allowed(local_commands=True, roots=("/data",), secret_roots=("/keys",), task_code=True)


def job(benchmark: dict[str, Any] | None = None, **more: Any) -> EvalJob:
    entry = {"provider_id": "p", "id": "b", **(benchmark or {})}
    fields = {"name": "j", "model": {"name": "m", "url": "http://h/v1"}, "benchmarks": [entry], **more}
    return EvalJob.model_validate(fields)


def with_parameters(**parameters: Any) -> EvalJob:
    return job({"parameters": parameters})


def served(**serve: Any) -> EvalJob:
    return job(model={"name": "m", "serve": {"runtime": "reference", **serve}})


def outside(path: str, roots: str = "roots") -> str:
    what = "credentials" if roots == "secret_roots" else "files"
    return f'"{path}" is not below a directory whose {what} requests may use; {OWNER}.{roots}'


@pytest.mark.parametrize(
    "harmless",
    [
        job(),
        served(source={"bundled": "demo-f16"}, args=("--max-context", "512")),
        with_parameters(limit=5, system_instruction="/no_think", processor="/models/x", data_path="/test_data"),
        with_parameters(tokenizer="tokenizer.json", dataset_path="openai/gsm8k", metadata={"note": "a: b", "n": 3}),
        with_parameters(dataset_kwargs={"data_files": {"test": "https://h.example:8443/x.jsonl"}, "revision": "main"}),
        job({"test_data": {"hf": {"repo_id": "openai/gsm8k"}}}),
        job({"test_data": {"http": "https://h.example/x.jsonl"}}),
    ],
)
def test_a_job_that_names_nothing_here_is_fine(harmless: EvalJob) -> None:
    assert (refusal(harmless, Allowed()), paths_named(harmless)) == (None, ())


@pytest.mark.parametrize(
    ("asked", "sentences"),
    [
        (
            served(runtime="custom", command="rm -rf /"),
            (f"custom.evallab.serve: a request may not run commands on this machine; {OWNER}.local_commands",),
        ),
        (
            served(source={"path": "/etc"}),
            (f"custom.evallab.serve.source.path: {outside('/etc')}",),
        ),
        (
            job(model={"name": "m", "url": "http://h", "secret_ref": "file:///root/.ssh"}),
            (f"model.auth.secret_ref: {outside('/root/.ssh', 'secret_roots')}",),
        ),
        (
            job({"test_data": {"path": "/data/../etc/passwd"}}),
            (f"benchmarks[0].test_data_ref.path: {outside('/data/../etc/passwd')}",),
        ),
        (
            job({"test_data": {"s3": {"bucket": "b", "key": "k", "secret_ref": "my-aws"}}}),
            (f"benchmarks[0].test_data_ref.secret_ref: {outside('my-aws', 'secret_roots')}",),
        ),
        (
            with_parameters(include_path=["/data/tasks", "mine"]),
            (
                "benchmarks[0].parameters.include_path: a request may not bring task files, which are code; "
                f"{OWNER}.task_code",
                f"benchmarks[0].parameters.include_path: {outside('/data/tasks')}",
                f"benchmarks[0].parameters.include_path: {outside('mine')}",
            ),
        ),
        (
            with_parameters(dataset_path="json", dataset_kwargs={"data_files": {"test": ["/etc/passwd"]}}),
            (f"benchmarks[0].parameters.dataset_kwargs: {outside('/etc/passwd')}",),
        ),
        (
            with_parameters(dataset_kwargs={"trust_remote_code": True}),
            (
                "benchmarks[0].parameters.dataset_kwargs.trust_remote_code: a request may not run the code of a data "
                f"set; {OWNER}.task_code",
            ),
        ),
        (with_parameters(tokenizer="../../x"), (f"benchmarks[0].parameters.tokenizer: {outside('../../x')}",)),
        (with_parameters(tokenizer="~/x"), (f"benchmarks[0].parameters.tokenizer: {outside('~/x')}",)),
        (
            with_parameters(metadata={"a": [{"b": "zip://x::/etc/y"}]}),
            (f"benchmarks[0].parameters.metadata: {outside('zip://x::/etc/y')}",),
        ),
        (
            job(benchmarks=(), collection={"id": "c", "benchmarks": [OVERRIDE]}),
            (f"collection.benchmarks[0].parameters.tokenizer: {outside('/x')}",),
        ),
        (
            job(model={"name": "m", "in_process": {"backend": "hf"}}),
            (f"custom.evallab.in_process: a request may not load code on this machine; {OWNER}.task_code",),
        ),
    ],
)  # fmt: skip
def test_what_reaches_into_this_machine_is_refused(asked: EvalJob, sentences: tuple[str, ...]) -> None:
    assert refused_over_rest(asked, Allowed()) == sentences


@pytest.mark.parametrize(
    "asked",
    [
        served(runtime="custom", command="serve", health_path="/health"),
        served(source={"path": "file:///data/m.gguf"}),
        job(model={"name": "m", "url": "http://h", "secret_ref": "file:///keys/mine"}),
        job({"test_data": {"path": "/data"}}),
        with_parameters(include_path="/data/./tasks//", tokenizer="/data/t.json"),
        with_parameters(dataset_kwargs={"trust_remote_code": True}),
    ],
)
def test_what_the_owner_allows_is_allowed(asked: EvalJob) -> None:
    assert refusal(asked, ALL) is None


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/data", True),
        ("/data/", True),
        ("/data/x", True),
        ("//data//./x", True),
        ("/database", False),
        ("/", False),
        ("data", False),
        ("", False),
        ("/data/../x", False),
        ("/data/x\x00", False),
        ("/data/x\n", False),
        ("~", False),
    ],
)
def test_below_a_root(path: str, inside: bool) -> None:
    assert within(path, ("/data/",)) is inside
    assert not within(path, ())


def test_everything_lies_below_the_whole_machine() -> None:
    assert within("/etc/passwd", ("/",))


def test_the_paths_that_a_job_names_can_be_followed() -> None:
    asked = job(
        {"test_data": {"path": "/data/a"}, "parameters": {"include_path": "/data/b", "tokenizer": "file:///data/c"}},
        model={"name": "m", "url": "http://h", "secret_ref": "file:///keys/d"},
    )
    assert paths_named(asked) == (
        PathNamed(field="model.auth.secret_ref", path="/keys/d", kind="secret"),
        PathNamed(field="benchmarks[0].test_data_ref.path", path="/data/a", kind="data"),
        PathNamed(field="benchmarks[0].parameters.include_path", path="/data/b", kind="code"),
        PathNamed(field="benchmarks[0].parameters.tokenizer", path="/data/c", kind="data"),
    )


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        (
            job(experiment={"name": "e"}),
            "mlflow_required_for_experiment",
            ApiError("mlflow_required_for_experiment").message,
        ),
        (job(exports={"oci": {}}), "not_supported", "exports.oci: is not in this version yet; remove it"),
        (
            job({"test_data": {"pvc": {"claim_name": "c"}}}),
            "not_supported",
            "benchmarks[0].test_data_ref.pvc: there are no volume claims on one computer; "
            "use hf, http, git, s3 or path",
        ),
        (
            served(source={"path": "/etc"}),
            "not_allowed_over_rest",
            f"custom.evallab.serve.source.path: {outside('/etc')}",
        ),
    ],
)
def test_the_refusal_as_the_client_sees_it(asked: EvalJob, code: str, message: str) -> None:
    found = refusal(asked, Allowed())
    assert found is not None
    assert (found.message_code, found.message) == (code, message)


def test_hardware_of_a_cluster_is_stripped_with_warnings() -> None:
    hardware = {"queue": {"name": "evals"}, "cpu": {"request": "1"}, "gpu": {"count": 1}}
    asked = job({"hardware": {"memory": {"limit": "1Gi"}}}, hardware=hardware)
    assert as_local(asked) == (
        job(),
        (
            "hardware_config.queue: is not enforced on one computer",
            "hardware_config.cpu: is not enforced on one computer",
            "hardware_config.gpu: is not enforced on one computer",
            "benchmarks[0].hardware_config.memory: is not enforced on one computer",
        ),
    )


def test_gpus_of_a_served_model_stay() -> None:
    gpus = served().model_copy(update={"hardware": Hardware(gpu=Gpu(count=1))})
    profile = served().model_copy(update={"hardware": Hardware(profile="big", gpu=Gpu(name="amd.com/gpu"))})
    assert as_local(gpus) == (gpus, ())
    assert as_local(profile) == (
        served(),
        (
            "hardware_config.hardware_profile_name: is not enforced on one computer",
            "hardware_config.gpu: is not enforced on one computer",
        ),
    )


def test_hardware_in_the_overrides_of_a_collection_is_stripped_too() -> None:
    override = {"provider_id": "p", "id": "b", "hardware": {"queue": {"name": "q"}}}
    asked = job(benchmarks=(), collection={"id": "c", "benchmarks": [override]})
    plain = job(benchmarks=(), collection={"id": "c", "benchmarks": [{"provider_id": "p", "id": "b"}]})
    assert as_local(asked) == (
        plain,
        ("collection.benchmarks[0].hardware_config.queue: is not enforced on one computer",),
    )
