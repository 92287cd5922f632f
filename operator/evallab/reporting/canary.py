"""What a job's canary told, as `--output json` and one line of a terminal say it. Called by `report` and `notes`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Canary:
    """How the model server answered fixed prompts. `outcome` none says why there is no canary."""

    outcome: str  #: against baseline_job: identical, numeric_drift, changed, unknown; first of its setup; or none
    why: str = ""
    policy: str | None = None
    baseline_job: str | None = None
    baseline_name: str | None = None
    prompts: int = 0
    compared: int = 0
    differing: int = 0
    drift: float = 0.0
    within: str = "unknown"
    within_why: str = ""
    batch_effect: str = "unknown"
    batch_differing: int = 0
    batch_drift: float = 0.0
    detail: str = ""


def baselines(provenance: Mapping[str, Any]) -> set[str]:
    """Return the job that a canary was compared with, to be named."""
    job = (_told(provenance) or {}).get("baseline_job")
    return {str(job)} if job else set()


def canary(provenance: Mapping[str, Any], names: Mapping[str, str]) -> Canary | None:
    """Return what the provenance of a job says of its canary; None while it runs, and of jobs without a word of it."""
    told = _told(provenance)
    if told is None:
        return None
    known = {each.name: told[each.name] for each in fields(Canary) if told.get(each.name) is not None}
    return Canary(**{**known, "baseline_name": names.get(str(told.get("baseline_job")))})


def _told(provenance: Mapping[str, Any]) -> Mapping[str, Any] | None:
    told = provenance.get("job", {}).get("canary")
    return told if isinstance(told, Mapping) and "outcome" in told else None


def line(told: Canary) -> str:
    """Say it in one line."""
    if told.outcome == "none":
        return f"none: {told.why}"
    parts = [_against(told), _within(told), _batch(told)] if told.prompts else [f"unknown: {told.why}"]
    return "; ".join(part for part in parts if part)


def _against(told: Canary) -> str:
    """Say how it compares with the last valid job of the setup."""
    name = told.baseline_name or str(told.baseline_job)[:8]
    said = {
        "first": f"first of its setup ({told.prompts} prompts)",
        "identical": f"identical to {name} ({told.compared} prompts)",
        "numeric_drift": f"numeric drift against {name}: {_size(told.drift, told.differing, told.compared)}",
        "changed": f"changed since {name}: {told.why}",
    }.get(told.outcome, f"unknown: {told.why}")
    partly = told.why if told.outcome in {"first", "identical"} else ""
    return f"{said}, {partly}" if partly else said


def _within(told: Canary) -> str:
    said = {
        "identical": "",
        "numeric_drift": "numeric drift while the job ran",
        "changed": f"changed while the job ran: {told.within_why}",
    }
    return said.get(told.within, f"not known at the end: {told.within_why}")


def _batch(told: Canary) -> str:
    if told.batch_effect in {"identical", "unknown"}:
        return f"batch effect {'none' if told.batch_effect == 'identical' else 'unknown'}"
    return f"batch effect: {_size(told.batch_drift, told.batch_differing, told.prompts)}"


def _size(drift: float, differing: int, compared: int) -> str:
    return f"{differing} of {compared} answers differ, log-probabilities up to {drift:.2g} apart"
