"""From readings of GPUs once a second to windows of ten seconds, and from windows to the summary of a job. Pure.

`engine.watching` rolls up and keeps windows, `planning.judging` judges (`planning.validity`) and sums them up.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

SERVER = "model server"  #: the device of windows about the model server
GAP = timedelta(seconds=3)  #: windows that are farther apart do not continue each other
# Bits of NVML's clocks event reasons. That a power cap (0x4) slows a GPU is normal under load, so it is not here.
SLOWED: Mapping[int, str] = {
    0x08: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
}
_SLOWED = sum(SLOWED)


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuReading:
    """One GPU at one moment; None where its driver does not say."""

    uuid: str
    name: str
    driver: str
    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    utilisation: float | None = None  #: percent of the time in which something computed
    memory_used: int | None = None  #: bytes
    sm_clock_mhz: float | None = None
    reasons: int | None = None  #: why its clock is not higher, bits
    processes: tuple[int, ...] = ()  #: who computes on it

    @property
    def throttled(self) -> bool:
        """Say whether heat, or power that fails, slows it."""
        return bool((self.reasons or 0) & _SLOWED)


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuWindow:
    """One GPU over some seconds. `foreign` are processes that are not the job's; None where nobody can tell."""

    started_at: datetime
    seconds: float
    device: str
    name: str
    driver: str
    temperature_min: float | None
    temperature_mean: float | None
    temperature_max: float | None
    hot_s: float  #: seconds above the limit of the job
    power_mean: float | None
    power_max: float | None
    power_limit: float | None
    utilisation_mean: float | None
    memory_used_max: int | None
    sm_clock_min: float | None
    sm_clock_mean: float | None
    throttled_s: float | None  #: None where nobody says why its clock is not higher, as `reasons`
    reasons: int | None  #: all that was said
    foreign_pids: tuple[int, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerWindow:
    """What was answered over some seconds; None where the model server does not say."""

    started_at: datetime
    seconds: float
    samples: int  #: questions that benchmarks finished
    tokens: int | None = None  #: generated
    waiting: int | None = None  #: requests in the server's queue at the end of the window
    preemptions: int | None = None
    device: str = SERVER


Window = GpuWindow | ServerWindow


def roll_up(
    readings: Sequence[GpuReading],
    *,
    started_at: datetime,
    seconds: float,
    hot_above: float,
    foreign: Iterable[int] | None = (),
) -> GpuWindow:
    """Return the window of one GPU's readings (at least one); each stands for an equal part of the time."""
    share, last = seconds / len(readings), readings[-1]
    temperatures = _said(each.temperature_c for each in readings)
    powers = _said(each.power_w for each in readings)
    clocks = _said(each.sm_clock_mhz for each in readings)
    told = [each for each in readings if each.reasons is not None]
    return GpuWindow(
        started_at=started_at,
        seconds=seconds,
        device=last.uuid,
        name=last.name,
        driver=last.driver,
        temperature_min=min(temperatures, default=None),
        temperature_mean=mean(temperatures),
        temperature_max=max(temperatures, default=None),
        hot_s=share * sum(each > hot_above for each in temperatures),
        power_mean=mean(powers),
        power_max=max(powers, default=None),
        power_limit=last.power_limit_w,
        utilisation_mean=mean(_said(each.utilisation for each in readings)),
        memory_used_max=max((each.memory_used for each in readings if each.memory_used is not None), default=None),
        sm_clock_min=min(clocks, default=None),
        sm_clock_mean=mean(clocks),
        throttled_s=seconds * sum(each.throttled for each in told) / len(told) if told else None,
        reasons=reduce(or_, (each.reasons or 0 for each in told)) if told else None,
        foreign_pids=None if foreign is None else tuple(sorted(foreign)),
    )


def _said(values: Iterable[float | None]) -> list[float]:
    return [each for each in values if each is not None]


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, None of nothing; never outside the values, whatever rounding does."""
    if not values:
        return None
    return min(max(sum(values) / len(values), min(values)), max(values))


def by_device(windows: Iterable[GpuWindow]) -> dict[str, list[GpuWindow]]:
    """Return the windows of each GPU in the order of time."""
    found: dict[str, list[GpuWindow]] = defaultdict(list)
    for each in sorted(windows, key=lambda window: window.started_at):
        found[each.device].append(each)
    return found


def longest_hot(windows: Sequence[GpuWindow]) -> float:
    """Return for how many seconds one GPU was hot without a break.

    Windows that are hot throughout continue each other; of those at both ends all hot seconds count. So the answer is
    never too small, and too large by less than two windows.
    """
    longest = streak = 0.0
    before: GpuWindow | None = None
    for window in windows:
        if before and window.started_at - _end(before) > GAP:
            streak = 0.0
        longest = max(longest, streak + window.hot_s)
        throughout = window.hot_s >= window.seconds * (1 - 1e-9)
        streak = streak + window.hot_s if throughout else window.hot_s
        before = window
    return longest


def throttled_share(windows: Sequence[GpuWindow]) -> float | None:
    """Return the share of the time in which one GPU was slowed, of the time in which that is known; None if never."""
    seconds = sum(each.seconds for each in windows if each.throttled_s is not None)
    return sum(each.throttled_s or 0.0 for each in windows) / seconds if seconds else None


def within(windows: Iterable[GpuWindow], start: datetime | None, end: datetime | None) -> list[GpuWindow]:
    """Return the windows that lie in a time, at least with a part; a time without a begin or an end takes all there."""
    return [
        each for each in windows if (start is None or _end(each) > start) and (end is None or each.started_at < end)
    ]


def _end(window: Window) -> datetime:
    return window.started_at + timedelta(seconds=window.seconds)


@dataclass(frozen=True, kw_only=True)
class GpuSummary:
    """One GPU over a whole job."""

    device: str
    name: str
    driver: str
    seconds: float
    temperature_max: float | None
    power_mean: float | None
    utilisation_mean: float | None
    throttled_share: float | None  #: None where its clock's reasons are not known
    longest_hot_s: float


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """How fast a job was, from the first window with an answer to the last one."""

    seconds: float
    samples_per_minute: float
    tokens_per_second: float | None
    waiting_max: int | None
    preemptions: int | None


def gpu_summaries(windows: Iterable[GpuWindow]) -> tuple[GpuSummary, ...]:
    """Sum up each GPU."""
    return tuple(_gpu_summary(device, own) for device, own in sorted(by_device(windows).items()))


def _gpu_summary(device: str, windows: Sequence[GpuWindow]) -> GpuSummary:
    return GpuSummary(
        device=device,
        name=windows[-1].name,
        driver=windows[-1].driver,
        seconds=sum(each.seconds for each in windows),
        temperature_max=max(_said(each.temperature_max for each in windows), default=None),
        power_mean=_weighted((each.power_mean, each.seconds) for each in windows),
        utilisation_mean=_weighted((each.utilisation_mean, each.seconds) for each in windows),
        throttled_share=throttled_share(windows),
        longest_hot_s=longest_hot(windows),
    )


def _weighted(pairs: Iterable[tuple[float | None, float]]) -> float | None:
    known = [(value, weight) for value, weight in pairs if value is not None]
    whole = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / whole if whole else None


def throughput(windows: Iterable[ServerWindow]) -> Throughput | None:
    """Return how fast a job was; None where nothing was answered while somebody watched."""
    active = _active(sorted(windows, key=lambda window: window.started_at))
    seconds = sum(each.seconds for each in active)
    if not seconds:
        return None
    tokens = [each.tokens for each in active if each.tokens is not None]
    preemptions = [each.preemptions for each in active if each.preemptions is not None]
    return Throughput(
        seconds=seconds,
        samples_per_minute=60 * sum(each.samples for each in active) / seconds,
        tokens_per_second=sum(tokens) / seconds if tokens else None,
        waiting_max=max((each.waiting for each in active if each.waiting is not None), default=None),
        preemptions=sum(preemptions) if preemptions else None,
    )


def _active(windows: Sequence[ServerWindow]) -> Sequence[ServerWindow]:
    busy = [place for place, each in enumerate(windows) if each.samples or each.tokens]
    return windows[busy[0] : busy[-1] + 1] if busy else ()


def named(windows: Iterable[Window]) -> Iterator[dict[str, Any]]:
    """Return windows as values by name, as a table keeps them."""
    for window in windows:
        yield {name: getattr(window, name) for name in window.__dataclass_fields__}
