"""The status of an EvalJob: what it says, that it fits into its schema and its limit, and that it keeps still."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evallab.api.v1alpha1.status import EvalJobStatus
from evallab.planning.cluster.facts import BenchmarkFacts, JobFacts, ScoreFacts
from evallab.planning.cluster.status import LIMIT, may_wait, patch, status
from evallab.planning.conclusion import Cause

NOW, LATER = "2026-11-22T10:00:00Z", "2026-11-22T10:05:00Z"
RUNNING = BenchmarkFacts(provider_id="p", id="b", state="running", attempts=1, going=True, done=3, total=10)
JOB = JobFacts(job_id="u1", generation=1, state="running", benchmarks=(RUNNING,))


def _true(facts: JobFacts) -> dict[str, str]:
    """Every condition with its status and reason."""
    return {each["type"]: f"{each['status']} {each['reason']}" for each in status(facts, {}, now=NOW)["conditions"]}


def _ended(state: str, **changes: Any) -> JobFacts:
    row = replace(RUNNING, state="completed" if state == "completed" else "failed", going=False)
    return replace(JOB, state=state, benchmarks=(row,), **changes)


def test_a_running_job() -> None:
    assert status(JOB, {}, now=NOW) | {"conditions": []} == {
        "observedGeneration": 1,
        "jobId": "u1",
        "phase": "Running",
        "progress": "3/10",
        "conditions": [],
        "benchmarks": [
            {"index": 0, "providerId": "p", "id": "b", "state": "running", "attempts": 1, "progress": "3/10"}
        ],
    }
    assert _true(JOB) == {
        "Accepted": "True Accepted",
        "DatasetsReady": "True NoTestData",
        "ModelReady": "True External",
        "Running": "True Running",
        "ResultsRecorded": "False NotYet",
        "Suspended": "False NotSuspended",
        "Complete": "False InProgress",
        "Failed": "False InProgress",
        "Finished": "False InProgress",
    }


@pytest.mark.parametrize(
    ("state", "reason", "phase", "said"),
    [
        ("completed", "Completed", "Completed", ["True Completed", "False Completed", "True Completed"]),
        ("failed", "OOMKilled", "Failed", ["False OOMKilled", "True OOMKilled", "True Failed"]),
        ("partially_failed", "Evicted", "PartiallyFailed", ["False Evicted", "True Evicted", "True PartiallyFailed"]),
        ("cancelled", "Cancelled", "Cancelled", ["False Cancelled", "True Cancelled", "True Cancelled"]),
    ],
)
def test_ends(state: str, reason: str, phase: str, said: list[str]) -> None:
    facts = _ended(state, reason=reason)
    found = _true(facts)
    assert [found[each] for each in ("Complete", "Failed", "Finished")] == said
    assert status(facts, {}, now=NOW)["phase"] == phase


def test_a_job_that_never_ran_says_why_and_is_finished() -> None:
    why = Cause(reason="BenchmarkNotFound", message="There is no b.", remedy="Say c.")
    found = status(JobFacts(job_id="u1", generation=1, refused=why), {}, now=NOW)
    assert found["reason"] == "BenchmarkNotFound"
    assert found["message"] == "There is no b. Say c."
    assert {each["type"]: each["status"] for each in found["conditions"]} == {
        "Accepted": "False",
        "Complete": "False",
        "Failed": "True",
        "Finished": "True",
    }


def test_a_job_that_waits_says_for_what() -> None:
    row = replace(RUNNING, going=False, waits_for="It waits for a node.", done=None, total=None)
    facts = replace(JOB, benchmarks=(row,), queue="evals")
    found = status(facts, {}, now=NOW)
    assert (found["phase"], found["message"], found["benchmarks"][0]["state"]) == (
        "Pending",
        "It waits for a node.",
        "waiting",
    )
    assert (_true(facts)["QuotaReserved"], _true(facts)["Running"]) == ("False Pending", "False Waiting")


def test_a_suspended_job_is_suspended_once_nothing_runs() -> None:
    stopping = replace(JOB, suspended=True)
    stopped = replace(stopping, benchmarks=(replace(RUNNING, going=False),))
    assert _true(stopping)["Suspended"] == "False Stopping"
    assert _true(stopped)["Suspended"] == "True Suspended"
    assert status(stopped, {}, now=NOW)["phase"] == "Suspended"


def test_times_stay_until_the_condition_changes() -> None:
    before = status(JOB, {}, now=NOW)
    after = status(_ended("completed"), before, now=LATER)
    assert {each["type"]: each["lastTransitionTime"] for each in after["conditions"]} == {
        "Accepted": NOW,
        "DatasetsReady": NOW,
        "ModelReady": NOW,
        "Running": LATER,
        "ResultsRecorded": LATER,
        "Suspended": NOW,
        "Complete": LATER,
        "Failed": NOW,
        "Finished": LATER,
    }


def test_nothing_is_written_when_nothing_changed() -> None:
    before = status(JOB, {}, now=NOW)
    assert patch(status(JOB, before, now=LATER), before) is None


def test_what_is_not_true_any_more_is_taken_away() -> None:
    waiting = replace(JOB, benchmarks=(replace(RUNNING, going=False, waits_for="It waits."),))
    before = status(waiting, {}, now=NOW)
    change = patch(status(JOB, before, now=LATER), before)
    assert change is not None
    assert change["status"]["message"] is None
    assert not may_wait(change, before)


def test_progress_alone_may_wait() -> None:
    before = status(JOB, {}, now=NOW)
    change = patch(status(replace(JOB, benchmarks=(replace(RUNNING, done=4),)), before, now=LATER), before)
    assert change is not None
    assert may_wait(change, before)


def test_other_words_may_wait_what_has_become_true_may_not() -> None:
    held = replace(RUNNING, going=False, waits_for="It waits.")
    before = status(replace(JOB, benchmarks=(held,)), {}, now=NOW)
    other = patch(status(replace(JOB, benchmarks=(replace(held, waits_for="No node."),)), before, now=LATER), before)
    begun = patch(status(JOB, before, now=LATER), before)
    assert other is not None
    assert set(other["status"]) == {"benchmarks", "conditions", "message"}
    assert begun is not None
    assert (may_wait(other, before), may_wait(begun, before)) == (True, False)


_texts = st.text(max_size=40) | st.sampled_from(["x" * 3000, "é" * 3000, "\U0001f600" * 3000])
_numbers = st.none() | st.floats()
_benchmarks = st.builds(
    BenchmarkFacts,
    provider_id=st.text(max_size=36),
    id=st.text(max_size=20) | st.just("b" * 256),
    state=st.sampled_from(["pending", "running", "completed", "failed", "cancelled"]),
    reason=st.sampled_from([None, "Completed", "OOMKilled", "DatasetNotFound"]),
    message=st.none() | _texts,
    attempts=st.integers(0, 200),
    going=st.booleans(),
    waits_for=st.sampled_from(["", "It waits."]),
    has_data=st.booleans(),
    done=st.none() | st.integers(0, 10**9),
    total=st.none() | st.integers(0, 10**9),
    score=st.none()
    | st.builds(ScoreFacts, metric=st.text(min_size=1, max_size=20), value=st.floats(), low=_numbers, high=_numbers),
)
_jobs = st.builds(
    JobFacts,
    job_id=st.just("52e9cc2a-70da-43c4-83f3-8a9a19f1e570"),
    state=st.sampled_from(["pending", "running", "completed", "failed", "partially_failed", "cancelled"]),
    generation=st.integers(1, 2**40),
    benchmarks=st.lists(_benchmarks, max_size=4).flatmap(
        lambda rows: st.sampled_from([1, 20]).map(lambda times: tuple(rows * times))
    ),
    reason=st.sampled_from([None, "Completed", "OOMKilled"]),
    message=st.none() | _texts,
    refused=st.none() | st.builds(Cause, reason=st.just("InvalidSpec"), message=_texts),
    suspended=st.booleans(),
    queue=st.none() | st.just("evals"),
    model=st.sampled_from(["external", "absent", "starting", "ready", "died", "failed"]),
    score=_numbers,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(_jobs)
def test_every_status_fits_its_schema_and_its_limit_and_keeps_still(facts: JobFacts) -> None:
    found = status(facts, {}, now=NOW)
    EvalJobStatus.model_validate(found)
    assert len(json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass")) <= LIMIT
    assert patch(status(facts, found, now=LATER), found) is None


def test_of_many_benchmarks_those_that_failed_are_shown() -> None:
    good = replace(RUNNING, state="completed", going=False)
    rows = tuple(replace(good, state="failed", message="x" * 300) if n == 450 else good for n in range(500))
    shown = status(replace(JOB, benchmarks=rows), {}, now=NOW)["benchmarks"]
    assert [each["index"] for each in shown] == [*range(63), 450]
