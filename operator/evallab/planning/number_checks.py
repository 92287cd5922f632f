"""The numbers of a job lie in their ranges; a part of `checks`. Manifests bound them too, the REST face does not."""

from collections.abc import Iterator

from evallab.planning.subject import Subject

YEAR = 31_536_000
MOST_PRIORITY = 1_000_000_000


def numbers_are_in_range(subject: Subject) -> Iterator[str]:
    """Margins, thresholds, retries and times; the REST face does not bound them."""
    job = subject.job
    if job.compare.margin is not None and job.compare.margin < 0:
        yield f"spec.compare.margin: must be at least 0; found {job.compare.margin:g}"
    if not -MOST_PRIORITY <= job.priority <= MOST_PRIORITY:
        yield f"spec.priority: must be from -{MOST_PRIORITY:,} to {MOST_PRIORITY:,}; found {job.priority}"
    if not 0 <= job.retries <= 100:
        yield f"spec.retries: must be from 0 to 100; found {job.retries}"
    times = {"timeoutSeconds": job.timeout_seconds, "pendingDeadlineSeconds": job.pending_deadline_seconds}
    for name, seconds in times.items():
        if not 1 <= seconds <= YEAR:
            yield f"spec.{name}: must be from 1 to {YEAR:,} (a year); found {seconds}"
    if job.model.serve and not 1 <= (job.model.serve.ready_timeout_seconds or 1) <= YEAR:
        yield f"spec.model.serve.readyTimeoutSeconds: must be from 1 to {YEAR:,} (a year)"
    yield from _thresholds(subject)
    yield from _limits(subject)


def _thresholds(subject: Subject) -> Iterator[str]:
    criteria = {"spec": subject.job.pass_criteria} | {where: each.pass_criteria for where, each in subject.entries()}
    for where, each in criteria.items():
        if each and abs(each.threshold) > 1e12:
            yield f"{where}.passCriteria.threshold: must lie between -1e12 and 1e12; found {each.threshold:g}"


def _limits(subject: Subject) -> Iterator[str]:
    said = subject.job.validity
    limits = {
        "maxTemperatureCelsius": (said.max_temperature_celsius, 1, 200),
        "maxSecondsHot": (said.max_seconds_hot, 1, 86_400),
        "maxThrottledPercent": (said.max_throttled_percent, 0, 100),
    }
    for name, (value, least, most) in limits.items():
        if value is not None and not least <= value <= most:
            yield f"spec.validity.{name}: must be from {least:,} to {most:,}; found {value:g}"
