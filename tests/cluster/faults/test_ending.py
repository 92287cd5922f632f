"""Pods on a real node whose adapter fails, is killed, or is taken away."""

import json

from tests.cluster.disturbing import SAMPLES, Place, kill_in, outcome
from tests.cluster.operating import until
from tests.cluster.running import Json


def test_an_adapter_exits_with_an_error(place: Place) -> None:
    """The adapter exits with 3.

    Ends: failed, `ExitedNonZero`, after the retries
    Told: the exit code; see the log (`evallab logs JOB`)
    Kept: log and events of each attempt
    Took: 23
    """
    status = place.run("exit", retries=1)
    assert outcome(status) == ("Failed", "ExitedNonZero")
    assert place.evallab.attempts(status["jobId"]) == [("failed", "ExitedNonZero")] * 2
    assert "code 3" in status["message"]
    assert "evallab logs" in status["message"]


def test_a_retry_goes_on_from_what_the_last_attempt_left(place: Place) -> None:
    """The adapter exits with 4 at its first attempt, and has left work.

    Ends: completed by a retry, which finds that work in its directory
    Told: nothing
    Kept: log and events of each attempt
    Took: 28
    """
    status = place.run("once", retries=1)
    assert outcome(status) == ("Completed", "Completed")
    assert place.evallab.attempts(status["jobId"]) == [("failed", "ExitedNonZero"), ("completed", "Completed")]
    place.once(status)


def test_out_of_memory(place: Place) -> None:
    """The adapter uses more memory than its limit: the kernel kills it.

    Ends: failed, `OOMKilled`; not retried
    Told: raise `hardwareConfig.memory.limit` or the provider's `memory_limit`, or ask fewer things at once
    Kept: log and events
    Took: 16
    """
    status = place.run("memory", retries=1)
    assert outcome(status) == ("Failed", "OOMKilled")
    assert place.evallab.attempts(status["jobId"]) == [("failed", "OOMKilled")]
    assert "hardwareConfig.memory.limit" in status["message"]


def test_the_time_limit(place: Place) -> None:
    """The adapter hangs.

    Ends: failed, `TimedOut`, `timeoutSeconds` (here 5) after it began to run
    Told: raise `timeoutSeconds`, or ask fewer questions
    Kept: log and events; a retry asks only what is missing
    Took: 26
    """
    status = place.run("sleep", timeoutSeconds=5)
    assert outcome(status) == ("Failed", "TimedOut")
    assert "Raise timeoutSeconds" in status["message"]


def test_more_disk_than_allowed(place: Place) -> None:
    """The adapter writes more than its ephemeral-storage limit: the kubelet evicts the pod.

    Ends: failed, `DiskLimitExceeded`; not retried, it would write as much again
    Told: raise the ephemeral-storage limit in `spec.podTemplate`, or keep less
    Kept: events
    Took: 66
    """
    limits = {"limits": {"ephemeral-storage": "20Mi"}, "requests": {"ephemeral-storage": "20Mi"}}
    template = {"spec": {"containers": [{"name": "adapter", "resources": limits}]}}
    status = place.run("disk", podTemplate=template, retries=1)
    assert outcome(status) == ("Failed", "DiskLimitExceeded")
    assert place.evallab.attempts(status["jobId"]) == [("failed", "DiskLimitExceeded")]
    assert "Raise the ephemeral-storage limit" in status["message"]


def test_an_eviction(place: Place) -> None:
    """The pod is evicted: somebody drains its node.

    Ends: completed, by another attempt, which is no retry, if the adapter does not end within the grace period
    Told: nothing
    Kept: everything, once
    Took: 16
    """
    name, pod = place.start("sleep", parameters={"seconds": 15})
    about = {"name": pod, "namespace": place.namespace}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": about}
    path = f"/api/v1/namespaces/{place.namespace}/pods/{pod}/eviction"
    place.cluster.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    status = place.ended(name)
    assert place.evallab.attempts(status["jobId"])[-1] == ("completed", "Completed")
    place.once(status)


def test_a_pod_is_deleted_at_once(place: Place) -> None:
    """The pod is deleted by hand, without a grace period.

    Ends: completed, by another attempt, which is no retry
    Told: nothing
    Kept: everything, once
    Took: 16
    """
    name, pod = place.start("sleep", parameters={"seconds": 5})
    place.cluster.kubectl("delete", "pod", pod, "--grace-period=0", "--force", namespace=place.namespace)
    status = place.ended(name)
    assert place.evallab.attempts(status["jobId"]) == [("failed", "PodDeleted"), ("completed", "Completed")]
    place.once(status)


def test_a_job_is_deleted_by_hand(place: Place) -> None:
    """The Kubernetes Job is deleted by hand.

    Ends: completed; its pod may finish within its grace period, else by a retry
    Told: nothing
    Kept: everything, once
    Took: 18
    """
    name, _ = place.start("sleep", retries=1, parameters={"seconds": 15})
    place.cluster.kubectl("delete", "job", "--all", "--wait=false", namespace=place.namespace)
    place.once(place.ended(name))


def test_an_evaljob_is_deleted(place: Place) -> None:
    """The EvalJob is deleted in the middle.

    Ends: cancelled, in Postgres and over REST; the object and its pods are gone
    Told: that it was cancelled
    Kept: everything that had arrived
    Took: 20
    """
    name, _ = place.start("sleep")
    found = place.cluster.get("ej", name, namespace=place.namespace)
    assert found is not None
    place.cluster.kubectl("delete", "ej", name, namespace=place.namespace)
    until(lambda: _job(place, found["metadata"]["uid"])["state"] == "cancelled", what="cancelled")
    place.noted()
    place.cluster.kubectl("wait", "pod", "--all", "--for=delete", "--timeout=90s", namespace=place.namespace)


def _job(place: Place, job_id: str) -> Json:
    (row,) = place.evallab.rows("SELECT state FROM evallab_tables.jobs WHERE id = %s", job_id)
    return row


def test_a_result_is_posted_twice(place: Place) -> None:
    """The adapter posts its result twice.

    Ends: completed
    Told: nothing
    Kept: the result, once
    Took: 10
    """
    place.once(place.run("twice"))


def test_the_sidecar_is_killed(place: Place) -> None:
    """The sidecar is killed while the adapter runs, and is restarted by the kubelet.

    Ends: completed at the first attempt
    Told: nothing
    Kept: everything, once: what the adapter left lies in a volume
    Took: 15
    """
    name, pod = place.start("samples", parameters={"seconds": 8})
    body = place.cluster.get("pod", pod, namespace=place.namespace)
    assert body is not None
    kill_in(body, "sidecar")
    status = place.ended(name)
    after = place.cluster.get("pod", pod, namespace=place.namespace) or {}
    sidecar = next(each for each in after["status"]["initContainerStatuses"] if each["name"] == "sidecar")
    assert sidecar["restartCount"] == 1
    assert place.evallab.attempts(status["jobId"]) == [("completed", "Completed")]
    place.once(status, samples=SAMPLES)
