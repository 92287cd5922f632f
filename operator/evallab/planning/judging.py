"""What was seen while a job ran: verdicts on its benchmarks, and a summary. Called by `engine.validating`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from evallab.planning import telemetry, validity
from evallab.planning.telemetry import GpuWindow, ServerWindow
from evallab.planning.validity import Finding, Judgement, Policy

Span = tuple[datetime | None, datetime | None]  #: from when until when something ran; None: not known


def judge(
    spans: Mapping[int, Span | None], gpus: Sequence[GpuWindow], *, policy: Policy, whole: Sequence[Finding]
) -> dict[int, Judgement]:
    """Return the judgement of each benchmark by when the attempt that counts ran; None has no such attempt.

    A GPU speaks against the benchmarks that ran while it was hot, slowed or shared, not against others. `whole` are
    findings about the whole job.
    """
    everywhere = (*validity.of_drivers(gpus), *whole)
    found = {}
    for index, span in spans.items():
        own = telemetry.within(gpus, *span) if span else ()
        found[index] = validity.combine((*validity.of_series(own, policy), *everywhere))
    return found


def summary(
    unseen: str, gpus: Sequence[GpuWindow], served: Sequence[ServerWindow], found: Mapping[int, Judgement]
) -> dict[str, Any]:
    """Return what the telemetry of a job comes to (JSON); without GPUs `none` says why: `unseen`.

    A speed is as good as that of the worst benchmark.
    """
    speed, verdicts = telemetry.throughput(served), [each.throughput for each in found.values()]
    reasons = list(dict.fromkeys(reason for each in verdicts for reason in each.reasons))
    judged = {"validity": validity.worst(each.validity for each in verdicts), "validity_reasons": reasons}
    seen = [asdict(each) for each in telemetry.gpu_summaries(gpus)]
    absent = {} if seen else {"none": unseen}
    return {"gpus": seen, **absent, "throughput": asdict(speed) | judged if speed else None}
