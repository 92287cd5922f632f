"""Records of provenance: every fact is a value or says why not, old records too; secrets never; two jobs compared."""

from typing import Any

import pytest

from evallab.planning import setup
from evallab.planning.provenance import OF_BENCHMARKS, OF_JOBS, SCHEMA, Field, Unknown, complete, facts, whole
from evallab.planning.provenance.difference import Difference, Ran, difference
from evallab.planning.provenance.field import OLDER

FIELDS = (
    Field(path="host.cpu", group="Host", label="CPU", means="m", source="s", why="nobody looked"),
    Field(path="host.gpu", group="GPU", label="devices", means="m", source="s", why="no driver"),
    Field(path="seed", group="Job", label="seed", means="m", source="s", none="not said"),
    Field(path="tasks[].version", group="Tasks", label="version", means="m", source="s", why="silent"),
)
OLD: dict[str, Any] = {
    "model": {"name": "m", "url": None},
    "model_server": {
        "runtime": "reference",
        "argv": ["python"],
        "fingerprint": {"sha256": "ab"},
        "server": {"version": "1"},
    },
    "host": {"machine": "x86_64", "cpu": "c", "gpu": None},
}


def test_every_fact_is_a_value_or_null_with_its_reason() -> None:
    record = complete({"host": {"cpu": None, "gpu": Unknown("the driver is too old")}}, FIELDS)
    assert record == {
        "schema": SCHEMA,
        "host": {"cpu": None, "gpu": None},
        "seed": None,
        "unknown": {
            "host.cpu": "nobody looked",
            "host.gpu": "the driver is too old",
            "seed": "whoever made the record did not say",
            "tasks[].version": "silent",
        },
    }


def test_null_is_an_answer_where_it_means_something() -> None:
    said = {fact.field.path: (fact.value, fact.why) for fact in facts(complete({"seed": None}, FIELDS), FIELDS)}
    assert said["seed"] == ("not said", "")


def test_equal_facts_of_tasks_are_one_fact() -> None:
    same = complete({"tasks": [{"task": "a", "version": 1}, {"task": "b", "version": 1}]}, FIELDS)
    other = complete({"tasks": [{"task": "a", "version": 1}, {"task": "b", "version": 2}]}, FIELDS)
    found = [next(f.value for f in facts(each, FIELDS) if f.field.label == "version") for each in (same, other)]
    assert found == [1, {"a": 1, "b": 2}]


def test_a_reason_of_a_part_is_that_of_all_below_it() -> None:
    record = complete({"host": Unknown("pods name their nodes")}, FIELDS)
    assert (record["host"], record["unknown"]["host.cpu"]) == (None, "pods name their nodes")


def test_a_record_is_read_again_as_it_was_written() -> None:
    written = complete({"host": {"cpu": "c", "gpu": Unknown("none here")}, "seed": 1}, FIELDS)
    assert complete(written, FIELDS) == written


def test_records_of_earlier_versions_and_imports_stay_readable() -> None:
    record = whole({"job": OLD, "benchmarks": {"0": {"harness": {"name": "h"}}}})
    assert record["job"]["unknown"]["times.started_at"] == OLDER
    assert record["job"]["model_server"]["argv"] == ["python"]
    assert record["benchmarks"]["0"]["harness"] == {"name": "h", "version": None, "commit": None}
    imported = whole({"job": {"imported": {}, "model": {"name": "m"}, "unknown": ["host"]}, "benchmarks": {}})
    assert imported["job"]["unknown"]["host.cpu"] == "the job was imported, and its files do not say"
    assert whole({"job": {}, "benchmarks": {}}) == {"job": {}, "benchmarks": {}}


def test_completing_does_not_change_the_setup_key() -> None:
    assert setup.key(whole({"job": OLD})["job"]) == setup.key(OLD)


def test_a_gpu_its_driver_and_the_image_are_part_of_the_setup_key() -> None:
    gpu = {**OLD, "host": {**OLD["host"], "gpu": [{"name": "H200", "uuid": "GPU-1"}], "driver": "570"}}
    newer = {**gpu, "host": {**gpu["host"], "driver": "580"}}
    twin = {**gpu, "host": {**gpu["host"], "gpu": [{"name": "H200", "uuid": "GPU-2"}]}}
    imaged = {**OLD, "model_server": {**OLD["model_server"], "executed": {"image_id": "sha256:1"}}}
    assert len({setup.key(each) for each in (OLD, gpu, newer, imaged)}) == 4
    assert setup.key(twin) == setup.key(gpu)


@pytest.mark.parametrize("fields", [OF_JOBS, OF_BENCHMARKS])
def test_each_fact_has_one_place_a_meaning_and_a_source(fields: tuple[Field, ...]) -> None:
    paths = [field.path for field in fields]
    assert len(set(paths)) == len(paths)
    assert [field.path for field in fields if not (field.means.endswith(".") and field.source and field.label)] == []


def test_secrets_are_replaced_wherever_a_record_holds_them() -> None:
    record = complete(
        {
            "model": {"url": "https://me:s3cr3t@host/v1?api_key=s3cr3t"},
            "model_server": {
                "argv": ["serve", "--api-key", "s3cr3t", "--hf-token=s3cr3t"],
                "env": {"API_KEY": "s3cr3t"},
            },
            "parameters": {"openai_api_key": "s3cr3t", "repo": "https://s3cr3t@github.com/a/b.git"},
            "warnings": ["GET http://h/v1?token=s3cr3t failed"],
            "answered_by": {"think_end_token": "</think>"},
        },
        OF_JOBS,
    )
    assert "s3cr3t" not in str(record)
    assert record["model"]["url"] == "https://***@host/v1?api_key=***"
    assert record["answered_by"] == {"think_end_token": "</think>"}


def ran(name: str, job: dict[str, Any], *questions: dict[str, Any]) -> Ran:
    benchmarks = {str(index): {"question": each, "counts": {"total": 1}} for index, each in enumerate(questions)}
    record = whole({"job": job, "benchmarks": benchmarks})
    return Ran(
        job=name * 8, name=name, benchmarks={index: f"p/{index}" for index in range(len(questions))}, record=record
    )


def test_two_jobs_that_ran_the_same_differ_in_nothing() -> None:
    question = {"tasks": [{"task": "t", "version": "1"}]}
    later = {**OLD, "times": {"started_at": "tomorrow"}, "model_server": {**OLD["model_server"], "deaths": 2}}
    found = difference(ran("a", OLD, question), ran("b", later, question))
    assert (found.equal, found.setup.equal, found.benchmarks[0].question.equal) == (True, True, True)


def explained(found: Difference) -> list[tuple[str, Any, Any]]:
    return [(each.path, each.ours.value, each.theirs.value) for each in found.setup.explained_by]


def test_what_explains_another_setup_is_named() -> None:
    other = {**OLD, "model_server": {**OLD["model_server"], "server": {"version": "2"}, "argv": ["python", "--x"]}}
    found = difference(ran("a", OLD), ran("b", other))
    assert (found.equal, found.setup.equal) == (False, False)
    assert explained(found) == [("argv", ["python"], ["python", "--x"]), ("server.version", "1", "2")]
    assert [each.path for each in found.facts] == ["model_server.server.version", "model_server.argv"]


def test_what_explains_another_question_key_is_named() -> None:
    first = {"tasks": [{"task": "t", "num_fewshot": 0}], "n": 10}
    second = {"tasks": [{"task": "t", "num_fewshot": 5}], "n": 10}
    found = difference(ran("a", OLD, first), ran("b", OLD, second)).benchmarks[0].question
    assert found.equal is False
    assert [(each.path, each.ours.value, each.theirs.value) for each in found.explained_by] == [
        ("tasks.t.num_fewshot", 0, 5)
    ]


def test_a_benchmark_of_one_job_only_and_a_job_without_a_record() -> None:
    found = difference(ran("a", OLD, {"n": 1}, {"n": 2}), ran("b", {}, {"n": 1}))
    assert found.only == (("p/1", "aaaaaaaa"),)
    assert (found.setup.equal, found.equal) == (None, False)


def test_adapters_that_do_not_say_what_they_asked_are_not_said_to_have_asked_the_same() -> None:
    found = difference(ran("a", OLD, {}), ran("b", OLD, {}))
    assert found.benchmarks[0].question.equal is None
