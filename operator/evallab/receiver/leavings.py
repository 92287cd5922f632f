"""What an attempt left behind, read with suspicion: the result file, the samples, and what its events declared.

The second way in: a result that was written to disk counts even when every POST failed. Called by the engine.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evallab.api.contract import SAMPLES_FILE, Message, Result, Sample, ScoreValue
from evallab.planning.conclusion import Declared
from evallab.store.interface import EventRow


def read_result(path: Path) -> Result | None:
    """Return the result file, None when there is none; a damaged one is a failed result that says so."""
    try:
        return Result.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        message = f"The adapter's result file cannot be read: {reason}"
        return Result(status="failed", error=Message(message=message, message_code="damaged_result"))


def read_samples(artifacts_dir: Path, result: Result) -> Iterator[Sample]:
    """Yield the samples of a result. Raises ValueError naming the line that is damaged."""
    if result.samples is None:
        return
    path = artifacts_dir / Path(result.samples or SAMPLES_FILE).name
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield Sample.model_validate_json(line)
            except ValidationError as error:
                raise ValueError(f"{path.name}, line {number}: {error.errors()[0]['msg']}") from error


def declared(events: Sequence[EventRow], result: Result | None) -> Declared:
    """Join what events and result file say; order and repetition do not matter."""
    said = [event.body for event in events if not event.late]
    failures = [body.get("error_message") or {} for body in said if body.get("status") == "failed"]
    if result is not None and result.status == "failed":
        failures.insert(0, result.error.model_dump() if result.error else {})
    completed = any(body.get("status") == "completed" for body in said)
    first: dict[str, Any] = max(failures, key=lambda each: len(str(each.get("message", ""))), default={})
    return Declared(
        completed=completed or (result is not None and result.status == "completed"),
        failed=bool(failures),
        final=bool(failures) and result is None,
        code=str(first.get("message_code", "")),
        message=str(first.get("message", "")),
    )


def from_events(events: Sequence[EventRow]) -> Result | None:
    """Make a result of a foreign adapter's completed event: numbers become scores, without samples or intervals."""
    bodies = [event.body for event in events if not event.late and event.body.get("status") == "completed"]
    if not bodies:
        return None
    metrics = _merged(bodies)
    numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
    scores = tuple(ScoreValue(metric=name, value=float(value)) for name, value in numbers.items())
    return Result(status="completed", scores=scores, provenance={"metrics": metrics})


def _merged(bodies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one set of metrics whatever the order of repeated events: the canonically greatest one wins."""
    return max((body.get("metrics") or {} for body in bodies), key=lambda each: json.dumps(each, sort_keys=True))
