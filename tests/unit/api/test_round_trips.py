"""Every job that a face can say survives the way into that face, through a file, and back."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evallab.api import evalhub, v1alpha1
from evallab.api import job as internal
from evallab.api.job import EvalJob
from evallab.api.read import read_job

FACES = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))

TEXT = st.text(min_size=1, max_size=12)
LABEL = st.from_regex(r"\A[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?\Z")
URL = st.builds("http://{}.example.org:{}/v1".format, LABEL, st.integers(1, 65535))
NUMBER = st.floats(-1e6, 1e6)
SECRET = st.none() | TEXT
SCALAR = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
JSON = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
FREE = st.dictionaries(TEXT, JSON, max_size=3)
CUSTOM = FREE.filter(lambda fields: "evallab" not in fields)
HUB = st.builds(
    internal.HubSource, repo_id=TEXT, revision=st.none() | TEXT, sub_path=st.none() | TEXT, secret_ref=SECRET
)
CLAIM = st.builds(internal.ClaimSource, claim_name=LABEL, sub_path=st.none() | TEXT)
GIT = st.builds(
    internal.GitSource, url=st.just("https://example.org/x.git"), ref=TEXT, sub_path=st.none() | TEXT, secret_ref=SECRET
)
BUCKET = st.builds(internal.BucketSource, bucket=TEXT, key=TEXT, secret_ref=TEXT)
WEIGHTS = st.one_of(
    st.builds(internal.WeightsSource, hf=HUB),
    st.builds(internal.WeightsSource, path=TEXT),
    st.builds(internal.WeightsSource, pvc=CLAIM),
    st.builds(internal.WeightsSource, oci=TEXT),
    st.builds(internal.WeightsSource, bundled=TEXT),
)


def data(**source: Any) -> st.SearchStrategy[internal.TestData]:
    return st.builds(
        internal.TestData,
        **source,
        type=st.sampled_from([None, "data_set", "pre_recorded_data"]),
        sha256=st.none() | st.just("ab" * 32),
        confidential=st.booleans(),
    )


TEST_DATA = st.one_of(
    data(hf=HUB), data(s3=BUCKET), data(pvc=CLAIM), data(git=GIT), data(http=URL), data(path=TEXT), data(bundled=TEXT)
)
SERVE = st.builds(
    internal.Serve,
    runtime=st.sampled_from(["vllm", "llamacpp", "reference", "custom"]),
    version=st.none() | TEXT,
    source=st.none() | WEIGHTS,
    args=st.lists(TEXT, max_size=3).map(tuple),
    command=st.none() | TEXT,
    image=st.none() | TEXT,
    port=st.none() | st.integers(1, 65535),
    health_path=st.none() | st.just("/health"),
    ready_timeout_seconds=st.none() | st.integers(1, 3600),
)
ABOUT_MODEL: dict[str, st.SearchStrategy[Any]] = {
    "name": TEXT,
    "secret_ref": SECRET,
    "lineage": st.none() | st.builds(internal.Lineage, family=TEXT, parent=st.none() | TEXT, change=st.none() | TEXT),
    "parameters": FREE,
    "card_url": st.none() | st.text(max_size=12),
}
MODEL = st.one_of(
    st.builds(internal.Model, url=URL, **ABOUT_MODEL),
    st.builds(internal.Model, serve=SERVE, **ABOUT_MODEL),
    st.builds(internal.Model, in_process=st.builds(internal.InProcess, backend=TEXT, args=FREE), **ABOUT_MODEL),
)
RESOURCE = st.builds(
    internal.Resource, request=st.sampled_from([None, "2", "500m", "4Gi"]), limit=st.sampled_from([None, "8", "16Gi"])
)
HARDWARE = st.builds(internal.Hardware, profile=LABEL) | st.builds(
    internal.Hardware,
    gpu=st.none() | st.builds(internal.Gpu, name=st.none() | TEXT, count=st.none() | st.integers(1, 8)),
    cpu=st.none() | RESOURCE,
    memory=st.none() | RESOURCE,
    queue=st.none() | st.builds(internal.Queue, name=LABEL, kind=st.sampled_from([None, "kueue"])),
)
PASS = st.builds(internal.PassCriteria, threshold=NUMBER)
BENCHMARK = st.builds(
    internal.Benchmark,
    provider_id=TEXT,
    id=TEXT,
    parameters=FREE,
    test_data=st.none() | TEST_DATA,
    primary_score=st.none() | st.builds(internal.PrimaryScore, metric=TEXT, lower_is_better=st.booleans()),
    pass_criteria=st.none() | PASS,
    weight=st.none() | st.floats(0, 1e6),
    hardware=st.none() | HARDWARE,
)
BENCHMARKS = st.lists(BENCHMARK, min_size=1, max_size=3).map(tuple)
COLLECTION = st.builds(internal.CollectionRef, id=TEXT, benchmarks=st.just(()) | BENCHMARKS)
TOLERATION = st.fixed_dictionaries(
    {"key": TEXT}, optional={"operator": st.just("Exists"), "tolerationSeconds": st.integers(0, 9)}
)
PLACEMENT = st.builds(
    internal.Placement,
    node_selector=st.dictionaries(TEXT, TEXT, max_size=2),
    tolerations=st.lists(TOLERATION, max_size=2).map(tuple),
    priority_class_name=st.none() | TEXT,
    runtime_class_name=st.none() | TEXT,
    pod_template=FREE,
)
EXPERIMENT = st.fixed_dictionaries(
    {"name": LABEL},
    optional={"tags": st.lists(st.fixed_dictionaries({"key": TEXT, "value": TEXT}), min_size=1, max_size=3)},
)
COORDINATES = st.fixed_dictionaries(
    {"oci_host": TEXT, "oci_repository": TEXT},
    optional={"oci_tag": TEXT, "annotations": st.dictionaries(TEXT, TEXT, min_size=1, max_size=2)},
)
EXPORTS = st.fixed_dictionaries(
    {"oci": st.fixed_dictionaries({"coordinates": COORDINATES}, optional={"k8s": st.just({"connection": "c"})})}
)
TAG = st.text(alphabet=st.characters(exclude_characters=",|", exclude_categories=["Cs"]), min_size=1, max_size=8)
SECONDS = st.integers(1, 31_536_000)


def jobs(**listed: st.SearchStrategy[Any]) -> st.SearchStrategy[EvalJob]:
    return st.builds(
        EvalJob,
        **listed,
        name=TEXT,
        description=st.none() | st.text(max_size=12),
        tags=st.lists(TAG, max_size=3).map(tuple),
        model=MODEL,
        sampling=st.builds(
            internal.Sampling,
            temperature=st.none() | st.floats(0, 10),
            seed=st.none() | st.integers(0, 2**31 - 1),
            repeats=st.none() | st.integers(1, 1000),
        ),
        compare=st.builds(
            internal.Compare,
            against=st.none() | TEXT,
            fail_on=st.sampled_from([None, "regression", "inconclusive", "never"]),
            margin=st.none() | st.floats(0, 1e6),
        ),
        canary=st.sampled_from([None, "Enforce", "Warn", "Off"]),
        code_execution=st.sampled_from([None, "Sandboxed", "Forbidden"]),
        network=st.sampled_from([None, "None", "ModelOnly", "Internet"]),
        hardware=st.none() | HARDWARE,
        placement=PLACEMENT,
        pass_criteria=st.none() | PASS,
        priority=st.integers(-1000, 1000),
        suspend=st.booleans(),
        cancelled=st.booleans(),
        timeout_seconds=SECONDS,
        pending_deadline_seconds=SECONDS,
        retries=st.integers(0, 100),
        ttl_seconds_after_finished=st.none() | st.integers(0, 2**31 - 1),
        experiment=st.none() | EXPERIMENT,
        exports=st.none() | EXPORTS,
        custom=CUSTOM,
    )


JOBS = jobs(benchmarks=BENCHMARKS) | jobs(collection=COLLECTION)


def written(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@FACES
@given(JOBS)
def test_a_job_survives_as_a_custom_resource(job: EvalJob) -> None:
    assert v1alpha1.to_job(v1alpha1.from_job(job)) == job


@FACES
@given(JOBS)
def test_a_job_survives_as_a_manifest_file(job: EvalJob) -> None:
    assert read_job(written(v1alpha1.to_dict(v1alpha1.from_job(job))), file="job.json") == job


@FACES
@given(JOBS)
def test_a_job_survives_as_a_request(job: EvalJob) -> None:
    assert evalhub.to_job(evalhub.from_job(job)) == job


@FACES
@given(JOBS)
def test_a_job_survives_as_a_request_body(job: EvalJob) -> None:
    assert read_job(written(evalhub.to_body(evalhub.from_job(job))), file="job.json") == job


@FACES
@given(JOBS, FREE)
def test_annotations_carry_exports_that_the_spec_cannot_say(job: EvalJob, exports: dict[str, Any]) -> None:
    other = job.model_copy(update={"exports": exports})
    assert v1alpha1.to_job(v1alpha1.from_job(other)) == other
