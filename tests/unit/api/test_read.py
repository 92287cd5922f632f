"""Wrong fields become sentences with file, line, path, what was found and what is allowed."""

import textwrap
from pathlib import Path

import pytest

from evallab.api.errors import InvalidManifest
from evallab.api.job import Benchmark, Compare, EvalJob, Lineage, Model, Serve, WeightsSource
from evallab.api.read import read, read_job

EXAMPLES = Path(__file__).parents[3] / "examples"
GOOD = """\
apiVersion: evallab.dev/v1alpha1
kind: EvalJob
metadata: {name: small}
spec:
  model:
    name: m
    url: http://127.0.0.1:8000/v1
  benchmarks:
  - providerId: lm_evaluation_harness
    id: gsm8k
    parameters: {limit: 5}
"""


def refused(text: str) -> list[str]:
    with pytest.raises(InvalidManifest) as caught:
        read_job(textwrap.dedent(text).encode(), file="evaljob.yaml")
    return str(caught.value).splitlines()


def with_line(line: str, *, after: str = "spec:") -> str:
    return GOOD.replace(f"{after}\n", f"{after}\n{line}\n", 1)


def test_a_good_manifest() -> None:
    assert read_job(GOOD.encode(), file="f") == EvalJob(
        name="small",
        model=Model(name="m", url="http://127.0.0.1:8000/v1"),
        benchmarks=(Benchmark(provider_id="lm_evaluation_harness", id="gsm8k", parameters={"limit": 5}),),
    )


def test_what_the_api_server_adds_is_ignored() -> None:
    text = (
        GOOD.replace("{name: small}", "{name: small, uid: x, generation: 1, managedFields: [{}]}") + "status: {a: 1}\n"
    )
    assert read_job(text.encode(), file="f") == read_job(GOOD.encode(), file="f")


def test_the_examples() -> None:
    demo = tuple(
        Benchmark(provider_id="lm_evaluation_harness", id=each)
        for each in ("demo_arith", "demo_facts", "demo_complete", "demo_instruct")
    )
    first = EvalJob(
        name="quickstart",
        model=Model(
            name="demo-f16",
            lineage=Lineage(family="demo"),
            serve=Serve(runtime="reference", source=WeightsSource(bundled="demo-f16")),
        ),
        benchmarks=demo,
    )
    second = EvalJob(
        name="quickstart-q3",
        model=Model(
            name="demo-q3",
            lineage=Lineage(family="demo", parent="demo-f16", change="3-bit rounding"),
            serve=Serve(runtime="reference", source=WeightsSource(bundled="demo-q3")),
        ),
        benchmarks=demo,
        compare=Compare(against="quickstart", fail_on="regression"),
    )
    files = [EXAMPLES / "quickstart.yaml", EXAMPLES / "quickstart-q3.yaml"]
    assert [read_job(file.read_bytes(), file=file.name) for file in files] == [first, second]


def test_wrong_field() -> None:
    assert refused(GOOD.replace("parameters:", "paramters:")) == [
        'evaljob.yaml:11: spec.benchmarks[0].paramters: unknown field; did you mean "parameters"?'
    ]


def test_wrong_field_that_resembles_nothing() -> None:
    assert refused(with_line("  sampling: {zzz: 1}")) == [
        "evaljob.yaml:5: spec.sampling.zzz: unknown field; known fields: temperature, seed, repeats"
    ]


def test_snake_case_is_a_wrong_field() -> None:
    assert refused(GOOD.replace("providerId", "provider_id")) == [
        "evaljob.yaml:9: spec.benchmarks[0].providerId: is required, but missing",
        'evaljob.yaml:9: spec.benchmarks[0].provider_id: unknown field; did you mean "providerId"?',
    ]


def test_wrong_type() -> None:
    assert refused(GOOD.replace("name: m\n", "name: 1.5\n")) == [
        "evaljob.yaml:6: spec.model.name: must be text, found 1.5; put it in quotes"
    ]
    assert refused(with_line("  retries: two")) == ['evaljob.yaml:5: spec.retries: must be a whole number, found "two"']
    assert refused(with_line("  suspend: 1")) == ["evaljob.yaml:5: spec.suspend: must be true or false, found 1"]
    assert refused(with_line("  tolerations: {}")) == [
        "evaljob.yaml:5: spec.tolerations: must be a list, found a mapping"
    ]
    assert refused(with_line("  sampling: []")) == [
        "evaljob.yaml:5: spec.sampling: must be a mapping of fields, found a list"
    ]


def test_wrong_choice() -> None:
    assert refused(with_line("  network: modelonly")) == [
        "evaljob.yaml:5: spec.network: must be one of None, ModelOnly, Internet; "
        'found "modelonly"; did you mean "ModelOnly"?'
    ]


def test_wrong_url() -> None:
    assert refused(GOOD.replace("http://127", "ftp://127")) == [
        "evaljob.yaml:7: spec.model.url: must be a URL that begins with http:// or https://; "
        'found "ftp://127.0.0.1:8000/v1"'
    ]


def test_wrong_port() -> None:
    assert refused(GOOD.replace("url: http://127.0.0.1:8000/v1", "serve: {runtime: custom, port: 70000}")) == [
        "evaljob.yaml:7: spec.model.serve.port: must be at most 65,535; found 70000"
    ]


def test_wrong_name() -> None:
    assert refused(GOOD.replace("name: small", "name: Not A Label")) == [
        "evaljob.yaml:3: metadata.name: may hold lower-case letters, digits and '-', "
        'and begins and ends with a letter or digit; found "Not A Label"'
    ]


def test_wrong_kind_says_only_that() -> None:
    assert refused("apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 1}\n") == [
        'evaljob.yaml:1: apiVersion: must be "evallab.dev/v1alpha1", found "apps/v1"',
        'evaljob.yaml:2: kind: must be "EvalJob", found "Deployment"',
    ]


def test_a_missing_kind_is_still_a_manifest() -> None:
    assert refused(GOOD.replace("kind: EvalJob\n", "")) == ["evaljob.yaml: kind: is required, but missing"]


def test_two_ways_to_the_model() -> None:
    assert refused(GOOD.replace("name: m\n", "name: m\n    serve: {runtime: reference}\n")) == [
        "evaljob.yaml:5: spec.model: give only one of url, serve, inProcess; found url and serve"
    ]


def test_no_way_to_the_model() -> None:
    assert refused(GOOD.replace("    url: http://127.0.0.1:8000/v1\n", "")) == [
        "evaljob.yaml:4: spec: give one of url, serve, inProcess"
    ]


def test_two_sources() -> None:
    assert refused(GOOD + "    testDataRef: {path: a, bundled: b}\n") == [
        "evaljob.yaml:12: spec.benchmarks[0].testDataRef: give only one of hf, s3, pvc, git, http, path, bundled; "
        "found path and bundled"
    ]


def test_benchmarks_and_collection() -> None:
    assert refused(with_line("  collection: {id: demo}")) == [
        "evaljob.yaml:4: spec: give only one of benchmarks, collection; found both"
    ]


def test_neither_benchmarks_nor_collection() -> None:
    assert refused(GOOD.split("  benchmarks:")[0]) == [
        "evaljob.yaml:4: spec: give one of benchmarks (at least one), collection"
    ]


def test_every_problem_at_once() -> None:
    text = GOOD.replace("name: m\n", "nam: m\n").replace("id: gsm8k", "id: 7") + "    weight: -1\n"
    assert refused(text) == [
        "evaljob.yaml:5: spec.model.name: is required, but missing",
        'evaljob.yaml:6: spec.model.nam: unknown field; did you mean "name"?',
        "evaljob.yaml:10: spec.benchmarks[0].id: must be text, found 7; put it in quotes",
        "evaljob.yaml:12: spec.benchmarks[0].weight: must be at least 0; found -1",
    ]


def test_many_problems_are_counted() -> None:
    lines = refused(with_line("\n".join(f"  zzz{number}: 1" for number in range(60))))
    assert len(lines) == 51
    assert lines[-1] == "evaljob.yaml: and 10 more problems"


@pytest.mark.parametrize("value", ["Off", "off", "'Off'", "false"])
def test_off_is_understood(value: str) -> None:
    assert read_job(with_line(f"  determinism: {{canary: {value}}}").encode(), file="f").canary == "Off"


def test_a_request_body_is_read_too() -> None:
    body = b'{"name": " ", "model": {"url": "http://h/v1", "name": "m"}, "unknown": 1, "tags": null, "benchmarks": '
    body += b'[{"id": "b1", "provider_id": "tiny", "hardware_config": null, "x": 2}], "queue": {"name": " q "}}'
    job = read_job(body, file="body.json")
    assert job.name == " "
    assert job.benchmarks == (Benchmark(provider_id="tiny", id="b1"),)
    assert job.hardware is not None
    assert job.hardware.queue is not None
    assert job.hardware.queue.name == "q"


def test_set_changes_a_field() -> None:
    sets = ("spec.benchmarks[0].parameters.limit=7", "spec.sampling.temperature=0")
    job = read(GOOD.encode(), file="f", sets=sets).job
    assert job.benchmarks[0].parameters == {"limit": 7}
    assert job.sampling.temperature == 0


def test_set_of_an_unknown_field_is_found_by_validation() -> None:
    with pytest.raises(InvalidManifest) as caught:
        read(GOOD.encode(), file="f.yaml", sets=("spec.retires=1",))
    assert str(caught.value) == '--set spec.retires=1: spec.retires: unknown field; did you mean "retries"?'


def test_later_problems_get_their_line() -> None:
    manifest = read(GOOD.encode(), file="f.yaml")
    error = manifest.refuse(["spec.benchmarks[0].id: no such benchmark", "something else"])
    assert error.problems == (
        "f.yaml:10: spec.benchmarks[0].id: no such benchmark",
        "f.yaml: something else",
    )


def test_a_broken_annotation_has_a_line() -> None:
    text = GOOD.replace("{name: small}", '\n  name: small\n  annotations: {evallab.dev/tags: "x"}')
    assert refused(text) == ['evaljob.yaml:5: metadata.annotations["evallab.dev/tags"]: must be a JSON list of texts']


def test_the_name_annotation_counts_only_while_it_yields_the_name() -> None:
    text = GOOD.replace("{name: small}", '{name: small, annotations: {evallab.dev/name: "Small!"}}')
    assert read_job(text.encode(), file="f").name == "Small!"
    assert read_job(text.replace("name: small", "name: copy").encode(), file="f").name == "copy"
