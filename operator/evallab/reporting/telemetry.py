"""What GPUs did and how fast a job was, as people and `--output json` see it: two lines under the end table.

Read by `report`, drawn by `notes`. Nothing is judged anew: the summary and the verdicts were made when the job ended.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evallab.planning.telemetry import GpuSummary

Note = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast a job was, and whether that may be used. Tokens are unknown where the model server does not count."""

    samples_per_minute: float
    tokens_per_second: float | None
    waiting_max: int | None
    preemptions: int | None
    seconds: float  #: from the first answer to the last
    validity: str
    validity_reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Telemetry:
    """The GPUs of a job and its speed. `none` says why there is no GPU; `throughput` is None when nobody watched."""

    gpus: tuple[GpuSummary, ...]
    none: str | None
    throughput: Speed | None


def telemetry(provenance: Mapping[str, Any]) -> Telemetry | None:
    """Return what the provenance of a job says of it; None until it ended, and of jobs without a word of it."""
    summary = provenance.get("job", {}).get("telemetry")
    if not isinstance(summary, Mapping) or "gpus" not in summary:
        return None
    speed = summary.get("throughput")
    return Telemetry(
        gpus=tuple(GpuSummary(**each) for each in summary["gpus"]),
        none=summary.get("none"),
        throughput=_speed(speed) if speed else None,
    )


def _speed(said: Mapping[str, Any]) -> Speed:
    return Speed(**{**said, "validity_reasons": tuple(said["validity_reasons"])})


def lines(seen: Telemetry | None) -> Iterator[Note]:
    """Say it in a line each, and why a speed may not be used."""
    if seen is None:
        return
    yield "telemetry", _gpus(seen.gpus) if seen.gpus else f"none ({seen.none})"
    speed = seen.throughput
    if speed is None:
        return
    said = [f"{speed.samples_per_minute:,.0f} samples/min"]
    if speed.tokens_per_second is not None:
        said.append(f"{speed.tokens_per_second:,.0f} tokens/s")
    if speed.preemptions:
        said.append(f"{speed.preemptions:,} preemptions")
    yield "throughput", f"{', '.join(said)}, {speed.validity}"
    for reason in speed.validity_reasons:
        yield "throughput", f"{speed.validity}: {reason}"


def _gpus(gpus: tuple[GpuSummary, ...]) -> str:
    names = ", ".join(f"{count} × {name}" for name, count in Counter(each.name for each in gpus).items())
    hottest = max((each.temperature_max for each in gpus if each.temperature_max is not None), default=None)
    powers = [each.power_mean for each in gpus if each.power_mean is not None]
    shares = [each.throttled_share for each in gpus if each.throttled_share is not None]
    said = [
        "temperature unknown" if hottest is None else f"max {hottest:.0f} °C",
        f"{sum(powers) / len(powers):.0f} W mean" if powers else "power unknown",
        f"throttled {100 * max(shares):.1f} %" if len(shares) == len(gpus) else "throttling unknown",
    ]
    return ", ".join([names, *said])
