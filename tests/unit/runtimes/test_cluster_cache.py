"""What the operator remembers of Jobs and pods, what of a change is worth a look, and when events are asked for."""

from typing import Any

from evallab.kubeapi.interface import JOB, POD
from evallab.runtimes.kubernetes.asking import ASK_S, Asked
from evallab.runtimes.kubernetes.cache import ClusterCache

LABELS = {"evallab.dev/job": "job-1", "evallab.dev/attempt": "attempt-1"}


def _object(version: int, *, spec: Any = None, **status: Any) -> dict[str, Any]:
    metadata = {"name": "one", "namespace": "team", "uid": "u1", "resourceVersion": str(version), "labels": LABELS}
    return {
        "metadata": metadata | {"managedFields": [{"manager": "kubelet"}], "generation": version},
        "spec": spec or {"suspend": False, "template": {"spec": {}}},
        "status": status,
    }


def test_only_what_somebody_asks_for_is_kept() -> None:
    cache = ClusterCache()
    cache.put(JOB, _object(1, active=1, startTime="2026-01-01T00:00:00Z"))
    assert cache.job("team", "one") == {
        "metadata": {"name": "one", "namespace": "team", "uid": "u1", "resourceVersion": "1", "labels": LABELS},
        "spec": {"suspend": False},
        "status": {"startTime": "2026-01-01T00:00:00Z"},
    }


def test_a_job_that_counts_its_pods_says_nothing_new() -> None:
    cache = ClusterCache()
    looks = [
        cache.put(JOB, _object(1)),
        cache.put(JOB, _object(1)),
        cache.put(JOB, _object(2, active=1, startTime="2026-01-01T00:00:00Z")),
        cache.put(JOB, _object(3, active=1, ready=1, startTime="2026-01-01T00:00:00Z")),
        cache.put(JOB, _object(4, conditions=[{"type": "Complete", "status": "True"}])),
        cache.put(JOB, _object(3, active=1)),
        cache.put(JOB, _object(5, spec={"suspend": True}, conditions=[{"type": "Complete", "status": "True"}])),
    ]
    assert looks == [True, False, False, False, True, False, True]


def test_a_pod_that_gets_on_says_so() -> None:
    cache = ClusterCache()
    running = [{"name": "adapter", "state": {"running": {}}}]
    looks = [
        cache.put(POD, _object(1, phase="Pending")),
        cache.put(POD, _object(2, phase="Pending", podIP="10.0.0.1")),
        cache.put(POD, _object(3, spec={"nodeName": "n"}, phase="Pending")),
        cache.put(POD, _object(4, spec={"nodeName": "n"}, phase="Running", containerStatuses=running)),
    ]
    assert looks == [True, False, True, True]


def test_an_attempt_is_asked_about_now_and_then() -> None:
    now = 100.0
    asked = Asked(clock=lambda: now)
    assert asked.lately("a") is None
    asked.note("a", [{"reason": "FailedCreate"}])
    now += ASK_S / 2
    asked.note("b", [])
    assert (asked.lately("a"), asked.lately("b")) == ([{"reason": "FailedCreate"}], [])
    now += ASK_S * 0.75
    assert (asked.lately("a"), asked.lately("b")) == (None, [])
    now += ASK_S
    assert asked.lately("b") is None
