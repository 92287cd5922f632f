"""The conditions of an EvalJob: each a small named question about its facts. Pure; `status` puts them together.

A condition says what is true now, with a reason for machines and a sentence for people; `merged` keeps the time at
which it last became so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evallab.planning.cluster.facts import BenchmarkFacts, JobFacts

Json = dict[str, Any]
Truth = Literal["True", "False", "Unknown"]
MESSAGE = 1024  #: bytes of a message in the status
ENDED = frozenset({"completed", "failed", "partially_failed", "cancelled"})
_WORDS = {
    "completed": "Completed",
    "failed": "Failed",
    "partially_failed": "PartiallyFailed",
    "cancelled": "Cancelled",
}


@dataclass(frozen=True)
class Condition:
    """What is true of a job, and why."""

    type: str
    status: Truth
    reason: str
    message: str = ""


def conditions(facts: JobFacts) -> tuple[Condition, ...]:
    """Return all conditions that can be answered now, in the order in which a job goes through them."""
    if facts.refused:
        why = facts.refused
        return (
            Condition("Accepted", "False", why.reason, why.sentence),
            Condition("Complete", "False", why.reason),
            Condition("Failed", "True", why.reason, why.sentence),
            Condition("Finished", "True", "Failed", why.sentence),
        )
    return tuple(each for rule in RULES for each in rule(facts))


def merged(now_true: Sequence[Condition], before: Sequence[Json], *, generation: int, now: str) -> list[Json]:
    """Return conditions as they are written, with the time of the last change of each; what is not asked any more goes.

    A condition without an answer (`DatasetsReady` of a job that was cancelled) keeps the one it had.
    """
    known = {each.get("type"): each for each in before}
    return [_written(each, known.get(each.type), generation, now) for each in now_true]


def _written(condition: Condition, before: Json | None, generation: int, now: str) -> Json:
    same = before is not None and before.get("status") == condition.status
    since = before.get("lastTransitionTime") if same and before else None
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": shortened(condition.message, MESSAGE),
        "observedGeneration": generation,
        "lastTransitionTime": since or now,
    }


def shortened(text: str, most: int) -> str:
    """Cut a text that has more bytes than fit into a status."""
    encoded = text.encode("utf-8", "replace")
    return text if len(encoded) <= most else encoded[: most - 3].decode("utf-8", "ignore") + "…"


def _accepted(_: JobFacts) -> Iterator[Condition]:
    yield Condition("Accepted", "True", "Accepted", "It can run here.")


def _quota(facts: JobFacts) -> Iterator[Condition]:
    """Only of a job that names a queue."""
    if not facts.queue:
        return
    waiting = [each.waits_for for each in facts.benchmarks if each.waits_for]
    begun = any(each.going or each.ended for each in facts.benchmarks)
    if waiting:
        yield Condition("QuotaReserved", "False", "Pending", waiting[0])
    elif begun:
        yield Condition("QuotaReserved", "True", "QuotaReserved", f"The queue {facts.queue} admitted it.")
    else:
        yield Condition("QuotaReserved", "False", "Pending", f"Nothing was handed to the queue {facts.queue} yet.")


def _data(facts: JobFacts) -> Iterator[Condition]:
    bad = next((each for each in facts.benchmarks if each.ended and (each.reason or "").startswith("Dataset")), None)
    wanted = [each for each in facts.benchmarks if each.has_data]
    if bad:
        yield Condition("DatasetsReady", "False", bad.reason or "DatasetUnavailable", bad.message or "")
    elif not wanted:
        yield Condition("DatasetsReady", "True", "NoTestData", "No benchmark names data of its own.")
    elif all(each.heard or each.state == "completed" for each in wanted):
        yield Condition("DatasetsReady", "True", "Verified", "The data of every benchmark is in its pod.")
    elif facts.ended:
        yield Condition("DatasetsReady", "False", "Ended", "It ended before all data was there.")
    else:
        yield Condition("DatasetsReady", "False", "Fetching", "Each benchmark fetches its data when its pod starts.")


def _model(facts: JobFacts) -> Iterator[Condition]:
    state = facts.model
    if state == "external":
        yield Condition("ModelReady", "True", "External", "The model is not served by evallab.")
    elif facts.ended:
        yield Condition("ModelReady", "False", "Stopped", facts.model_message or "It is not needed any more.")
    elif state == "ready":
        yield Condition("ModelReady", "True", "Ready", facts.model_message)
    else:
        reasons = {"absent": "NotStarted", "starting": "Starting", "died": "ModelServerDied"}
        yield Condition("ModelReady", "False", reasons.get(state, "ModelServerFailed"), facts.model_message)


def _running(facts: JobFacts) -> Iterator[Condition]:
    going = [each for each in facts.benchmarks if each.going]
    waiting = next((each.waits_for for each in facts.benchmarks if each.waits_for), "")
    if facts.ended:
        yield Condition("Running", "False", _WORDS[facts.state])
    elif going:
        total = len(facts.benchmarks)
        yield Condition("Running", "True", "Running", f"{len(going)} of {total} benchmarks {_is_are(going)} running.")
    elif facts.suspended:
        yield Condition("Running", "False", "Suspended")
    else:
        yield Condition("Running", "False", "Waiting" if waiting else "Starting", waiting)


def _is_are(going: Sequence[BenchmarkFacts]) -> str:
    return "is" if len(going) == 1 else "are"


def _recorded(facts: JobFacts) -> Iterator[Condition]:
    done = [each for each in facts.benchmarks if each.state == "completed"]
    if facts.ended and done:
        yield Condition("ResultsRecorded", "True", "Recorded", f"{len(done)} of {len(facts.benchmarks)} benchmarks.")
    elif facts.ended:
        yield Condition("ResultsRecorded", "False", "NoResults")
    else:
        yield Condition("ResultsRecorded", "False", "NotYet")


def _suspended(facts: JobFacts) -> Iterator[Condition]:
    held = any(each.going or each.waits_for for each in facts.benchmarks)
    if facts.suspended and not facts.ended:
        yield Condition(
            "Suspended",
            "False" if held else "True",
            "Stopping" if held else "Suspended",
            "Set spec.suspend to false to go on; answers that had arrived are asked only once.",
        )
    else:
        yield Condition("Suspended", "False", "NotSuspended")


def _ends(facts: JobFacts) -> Iterator[Condition]:
    if not facts.ended:
        for name in ("Complete", "Failed", "Finished"):
            yield Condition(name, "False", "InProgress")
        return
    word, good = _WORDS[facts.state], facts.state == "completed"
    reason = word if good or not facts.reason or facts.reason == "Completed" else facts.reason
    yield Condition("Complete", "True" if good else "False", word if good else reason)
    yield Condition("Failed", "False" if good else "True", reason, "" if good else facts.message or "")
    yield Condition("Finished", "True", word, facts.message or "")


RULES: tuple[Callable[[JobFacts], Iterator[Condition]], ...] = (
    _accepted,
    _quota,
    _data,
    _model,
    _running,
    _recorded,
    _suspended,
    _ends,
)
