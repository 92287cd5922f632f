"""The `.status` of an EvalJob as a function of what is known of the job. Pure; called by the controller.

It is a projection for people and `kubectl wait`, never read to decide anything. It stays below `LIMIT` bytes whatever
the number of benchmarks: sentences of single benchmarks go first, then benchmarks that completed; `index` shows it.
"""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from evallab.api.v1alpha1.status import MAX_BENCHMARKS
from evallab.planning.cluster.conditions import MESSAGE, conditions, merged, shortened
from evallab.planning.cluster.facts import BenchmarkFacts, JobFacts, ScoreFacts

Json = dict[str, Any]
LIMIT = 16_384  #: bytes of the whole status
SENTENCE = 256  #: bytes of a benchmark's message


def status(facts: JobFacts, before: Mapping[str, Any], *, now: str) -> Json:
    """Return the status; `before` is the one that was written last: times of what did not change stay."""
    whole: Json = {
        "observedGeneration": facts.generation,
        "jobId": facts.job_id,
        "phase": phase(facts),
        "reason": _reason(facts),
        "message": shortened(_message(facts), MESSAGE),
        "progress": progress(facts.benchmarks),
        "score": None if facts.score is None else number(facts.score),
        "startedAt": facts.started_at,
        "finishedAt": facts.finished_at,
        "conditions": merged(conditions(facts), before.get("conditions") or (), generation=facts.generation, now=now),
    }
    written = {name: value for name, value in whole.items() if value not in (None, "")}
    rows = [_benchmark(*each) for each in enumerate(facts.benchmarks)]
    return _bounded(written, rows) if rows else written


def patch(wanted: Mapping[str, Any], before: Mapping[str, Any]) -> Json | None:
    """Return the merge patch that makes `before` what is wanted, None when it is that already.

    Lists are written whole, as merge patches do; a field that is not wanted any more is set to null.
    """
    changed = {name: value for name, value in wanted.items() if before.get(name) != value}
    gone = {name: None for name in before if name not in wanted}
    return {"status": {**gone, **changed}} if changed or gone else None


_WORDS = frozenset({"progress", "benchmarks", "message", "startedAt", "conditions"})


def may_wait(change: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Say whether a patch tells of nothing but numbers that grow and of words, so that it may wait a moment."""
    said = change["status"]
    return set(said) <= _WORDS and ("conditions" not in said or _truths(said) == _truths(before))


def _truths(status: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(each["type"], each["status"]) for each in status.get("conditions") or ()}


def phase(facts: JobFacts) -> str:
    """Return one word for people."""
    if facts.refused:
        return "Failed"
    if facts.ended:
        words = {"completed": "Completed", "partially_failed": "PartiallyFailed", "cancelled": "Cancelled"}
        return words.get(facts.state, "Failed")
    if facts.cancelled:
        return "Cancelling"
    if any(each.going for each in facts.benchmarks):
        return "Running"
    if facts.suspended:
        return "Suspended"
    return "Pending"


def progress(benchmarks: Sequence[BenchmarkFacts]) -> str:
    """Return how many questions were answered, of those that are known."""
    known = [each for each in benchmarks if each.total]
    done = sum(min(each.done or 0, each.total or 0) for each in known)
    return f"{done}/{sum(each.total or 0 for each in known)}" if known else ""


def number(value: float) -> str:
    """Write a score as people read it."""
    return f"{value:.4g}"


def _reason(facts: JobFacts) -> str | None:
    if facts.refused:
        return facts.refused.reason
    return None if facts.reason == "Completed" else facts.reason


def _message(facts: JobFacts) -> str:
    if facts.refused:
        return facts.refused.sentence
    waiting = next((each.waits_for for each in facts.benchmarks if each.waits_for), "")
    return facts.message or waiting


def _benchmark(index: int, facts: BenchmarkFacts) -> Json:
    waits = facts.waits_for and not facts.ended
    whole: Json = {
        "index": index,
        "providerId": facts.provider_id,
        "id": facts.id,
        "state": "waiting" if waits else facts.state,
        "attempts": facts.attempts,
        "progress": f"{facts.done or 0}/{facts.total}" if facts.total else None,
        "reason": None if facts.reason == "Completed" else facts.reason,
        "message": shortened(facts.message or facts.waits_for, SENTENCE),
        "primaryScore": facts.score and _score(facts.score),
    }
    return {name: value for name, value in whole.items() if value not in (None, "")}


def _score(score: ScoreFacts) -> Json:
    whole: Json = {
        "metric": shortened(score.metric, 253),
        "value": _figure(score.value),
        "low": _figure(score.low),
        "high": _figure(score.high),
        "n": score.n,
        "validity": score.validity,
    }
    return {name: value for name, value in whole.items() if value not in (None, "")}


def _figure(value: float | None) -> float | None:
    """Six digits say more than any score means; what is no number at all cannot be written."""
    return float(f"{value:.6g}") if value is not None and isfinite(value) else None


def _bounded(whole: Json, benchmarks: list[Json]) -> Json:
    """Add as many benchmarks as fit; those that need attention are kept longest, and their order stays."""
    bare = [{name: value for name, value in each.items() if name != "message"} for each in benchmarks]
    for rows in (benchmarks, bare):
        if len(rows) <= MAX_BENCHMARKS and _size(whole, rows) <= LIMIT:
            return whole | {"benchmarks": rows}
    ranked = sorted(range(len(bare)), key=lambda place: (bare[place]["state"] == "completed", place))[:MAX_BENCHMARKS]
    while ranked and _size(whole, [bare[place] for place in ranked]) > LIMIT:
        ranked.pop()
    return whole | {"benchmarks": [bare[place] for place in sorted(ranked)]}


def _size(whole: Json, rows: Sequence[Json]) -> int:
    return len(json.dumps(whole | {"benchmarks": rows}, ensure_ascii=False).encode())
