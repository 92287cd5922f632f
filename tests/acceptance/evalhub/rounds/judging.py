"""Was anything lost, doubled, left behind, or left undone? Pure: from what was acknowledged and what is there.

Each rule yields a sentence per violation; no sentence, no violation. Called by `rounds`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.evalhub.rounds.facts import Facts
from tests.acceptance.evalhub.running import OVER

Row = dict[str, Any]


@dataclass(frozen=True)
class Evidence:
    """What happened, as far as clients and adapters were told, and what is there now."""

    acknowledged: list[Row]  #: results: job, index, attempt ("" by hand), value, how
    cancelled: frozenset[str]  #: jobs whose cancelling was acknowledged
    keys: dict[str, str]  #: idempotency key to the job that was acknowledged
    questions: dict[tuple[str, int], int]  #: samples by benchmark, of those that have some
    shown: dict[str, Any]  #: jobs as the API shows them
    providers: dict[str, bool]  #: made over REST, by id: still there
    facts: Facts
    surprises: list[str] = field(default_factory=list)


def every_job_has_ended(seen: Evidence) -> Iterator[str]:
    for job in seen.facts.jobs:
        if job["state"] not in OVER or job["finished_at"] is None:
            yield f"job {job['id']} is {job['state']}"


def every_acknowledged_job_is_there_once(seen: Evidence) -> Iterator[str]:
    made = Counter(job["idempotency_key"] for job in seen.facts.jobs)
    ids = {job["idempotency_key"]: job["id"] for job in seen.facts.jobs}
    for key, job_id in seen.keys.items():
        if made[key] != 1 or ids[key] != job_id:
            yield f"{made[key]} jobs have the key {key}; {job_id} was acknowledged, {ids.get(key)} is there"


def every_acknowledged_result_counts(seen: Evidence) -> Iterator[str]:
    counted = {(row["job_id"], row["index"]): row for row in seen.facts.counted}
    for ack in seen.acknowledged:
        row = counted.get((ack["job"], ack["index"]))
        if row is None and ack["job"] in seen.cancelled:
            continue
        if row is None or row["metrics"].get("acc") != ack["value"] or ack["attempt"] not in {"", row["attempt_id"]}:
            yield f"{ack} was acknowledged; what counts is {row}"


def a_benchmark_with_an_acknowledged_result_completed(seen: Evidence) -> Iterator[str]:
    states = {(row["job_id"], row["index"]): row for row in seen.facts.benchmarks}
    for ack in seen.acknowledged:
        row = states.get((ack["job"], ack["index"]))
        if (row is None or row["state"] != "completed") and ack["job"] not in seen.cancelled:
            yield f"{ack} was acknowledged; its benchmark is {row}"


def nothing_ran_again_after_its_result_was_acknowledged(seen: Evidence) -> Iterator[str]:
    numbers = {row["id"]: row["number"] for row in seen.facts.attempts}
    newest: dict[tuple[str, int], int] = defaultdict(int)
    for row in seen.facts.attempts:
        newest[row["job_id"], row["index"]] = max(newest[row["job_id"], row["index"]], row["number"])
    for ack in seen.acknowledged:
        if ack["attempt"] and newest[ack["job"], ack["index"]] > numbers.get(ack["attempt"], 0):
            yield f"{ack} was acknowledged, and {newest[ack['job'], ack['index']]} attempts were made"


def no_result_is_there_twice(seen: Evidence) -> Iterator[str]:
    for what, number in Counter((row["job_id"], row["index"]) for row in seen.facts.results).items():
        if number > 1:
            yield f"{number} results of {what}"
    values = Counter(row["metrics"].get("acc") for row in seen.facts.results)
    yield from (f"{number} results say {value}" for value, number in values.items() if number > 1)


def every_completed_benchmark_has_its_result(seen: Evidence) -> Iterator[str]:
    counted = {(row["job_id"], row["index"]) for row in seen.facts.counted}
    for row in seen.facts.benchmarks:
        key = (row["job_id"], row["index"])
        if (row["state"] == "completed") != (key in counted) and row["job_id"] not in seen.cancelled:
            yield f"{key} is {row['state']} and {'has' if key in counted else 'has no'} result"


def every_result_has_its_samples_once(seen: Evidence) -> Iterator[str]:
    for row in seen.facts.results:
        asked = seen.questions.get((row["job_id"], row["index"]), 0)
        if row["samples"] != asked:
            yield f"{row['samples']} samples instead of {asked}: {row}"


def events_posted_once_are_there_once(seen: Evidence) -> Iterator[str]:
    ends = defaultdict(list)
    for row in seen.facts.ends:
        ends[row["attempt_id"]].append(row)
    for ack in (each for each in seen.acknowledged if each["how"] == "posting"):
        found = ends[ack["attempt"]]
        said = [(row["metrics"]["acc"], row["late"]) for row in found]
        if said != [(ack["value"], False)]:
            yield f"{ack} was acknowledged; the events are {said}"


def the_api_shows_what_counts(seen: Evidence) -> Iterator[str]:
    for row in seen.facts.counted:
        job = seen.shown.get(row["job_id"])
        shown = [each for each in _results(job) if each["benchmark_index"] == row["index"]]
        if job is not None and [each.get("metrics") for each in shown] != [row["metrics"]]:
            yield f"the API shows {shown} for {row}"


def _results(job: Any) -> list[Any]:
    return list(((job or {}).get("results") or {}).get("benchmarks") or [])


def every_provider_is_there(seen: Evidence) -> Iterator[str]:
    yield from (f"provider {name} is gone" for name, there in seen.providers.items() if not there)


def nothing_is_left_behind(seen: Evidence) -> Iterator[str]:
    for kind, names in seen.facts.left.items():
        if names:
            yield f"{len(names)} {kind}: {', '.join(names[:5])}"
    yield from (f"an expired lease: {row}" for row in seen.facts.expired_leases)


def nobody_was_surprised(seen: Evidence) -> Iterator[str]:
    yield from seen.surprises


RULES: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    every_job_has_ended,
    every_acknowledged_job_is_there_once,
    every_acknowledged_result_counts,
    a_benchmark_with_an_acknowledged_result_completed,
    nothing_ran_again_after_its_result_was_acknowledged,
    no_result_is_there_twice,
    every_completed_benchmark_has_its_result,
    every_result_has_its_samples_once,
    events_posted_once_are_there_once,
    the_api_shows_what_counts,
    every_provider_is_there,
    nothing_is_left_behind,
    nobody_was_surprised,
)


def violations(seen: Evidence) -> dict[str, list[str]]:
    """Return what each rule has to say."""
    return {rule.__name__.replace("_", " "): list(rule(seen)) for rule in RULES}
