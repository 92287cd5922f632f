"""Small questions to Kubernetes objects, which are dictionaries with holes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

Json = dict[str, Any]


def moment(text: str | None) -> datetime | None:
    """Return a time of an object, None when there is none."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def seconds(since: datetime | None, now: datetime) -> float:
    """Return for how long something has been so; 0 when nobody knows since when."""
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def created(found: Json) -> datetime | None:
    """Return when an object was made."""
    return moment(found.get("metadata", {}).get("creationTimestamp"))


def deleted(found: Json) -> bool:
    """Say whether somebody has asked to delete it."""
    return bool(found.get("metadata", {}).get("deletionTimestamp"))


def condition(found: Json, kind: str, status: str = "True") -> Json | None:
    """Return a condition that has that status, None otherwise."""
    conditions: Sequence[Json] = found.get("status", {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == kind and each.get("status") == status), None)


def since(found: Json | None) -> datetime | None:
    """Return since when a condition is as it is."""
    return moment(found.get("lastTransitionTime")) if found else None


def statuses(pod: Json) -> Iterator[Json]:
    """Yield the statuses of all containers, those that run first before the others."""
    status = pod.get("status", {})
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def status_of(pod: Json, container: str) -> Json:
    """Return the status of a container, {} while there is none."""
    return next((each for each in statuses(pod) if each.get("name") == container), {})


def waiting(status: Json) -> Json:
    """Return what a container waits for, {} when it does not wait."""
    return (status.get("state") or {}).get("waiting") or {}


def running(status: Json) -> Json | None:
    """Return the state of a container that runs."""
    found: Json | None = (status.get("state") or {}).get("running")
    return found


def terminated(status: Json) -> Json | None:
    """Return how a container ended, None while it has not."""
    found: Json | None = (status.get("state") or {}).get("terminated")
    return found


def over(pod: Json) -> bool:
    """Say whether every container of a pod has ended for good."""
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def newest(found: Iterable[Json]) -> Json | None:
    """Return the object that was made last, None when there is none."""
    return max(found, key=lambda each: str(each.get("metadata", {}).get("creationTimestamp", "")), default=None)


def said(events: Sequence[Json], *reasons: str) -> str:
    """Return the newest message among the events with one of these reasons, "" when there is none."""
    fitting = [each for each in events if each.get("reason") in reasons]
    return str(max(fitting, key=_last, default={}).get("message", ""))


def _last(event: Json) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp") or "")


def labels(found: Json) -> Mapping[str, str]:
    """Return the labels of an object."""
    named: Mapping[str, str] = found.get("metadata", {}).get("labels") or {}
    return named
