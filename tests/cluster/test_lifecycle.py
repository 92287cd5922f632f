"""EvalJobs with the installed chart, real pods and a real kubelet: they complete, are cancelled, pause and go on."""

from collections.abc import Callable
from datetime import datetime

from tests.cluster.disturbing import running_pod
from tests.cluster.installation import Installed, conditions, faulty_job
from tests.cluster.operating import until
from tests.cluster.running import Json


def begun(evallab: Installed, namespace: str, **parameters: float) -> str:
    """Return the name of a job whose adapter runs."""
    job = faulty_job("sleep", parameters=dict(parameters))
    evallab.apply(job, namespace=namespace)
    until(lambda: running_pod(evallab.cluster, namespace), what="a running adapter")
    name: str = job["metadata"]["name"]
    return name


def change(evallab: Installed, namespace: str, name: str, patch: str) -> None:
    """Change the spec of a job."""
    words = ("patch", "ej", name, "--type=merge", "--patch", f'{{"spec": {patch}}}')
    evallab.cluster.kubectl(*words, namespace=namespace)


def test_an_adapter_without_any_library_completes(evallab: Installed, namespace: str) -> None:
    evallab.apply(faulty_job("ok", name="one"), namespace=namespace)
    status = evallab.finished("one", namespace=namespace)
    assert (status["phase"], conditions(status)["ResultsRecorded"][0]) == ("Completed", "True")
    rows = evallab.rows("SELECT metrics FROM evallab_tables.results WHERE job_id = %s", status["jobId"])
    assert rows == [{"metrics": {"exact_match": 0.75}}]
    assert evallab.attempts(status["jobId"]) == [("completed", "Completed")]


def test_a_pod_ends_with_its_adapter_and_not_with_the_grace_of_its_sidecar(
    evallab: Installed, namespace: str, record_property: Callable[[str, object], None]
) -> None:
    """The sidecar hands in and ends by itself: it is not killed, and nobody waits for its grace period (180 s)."""
    evallab.apply(faulty_job("samples", name="one", parameters={"seconds": 1}), namespace=namespace)
    evallab.finished("one", namespace=namespace)
    evallab.cluster.kubectl("wait", "job", "--all", "--for=condition=Complete", "--timeout=60s", namespace=namespace)
    (job,) = evallab.cluster.list("jobs", namespace=namespace)
    (pod,) = evallab.cluster.list("pods", namespace=namespace)
    adapter, sidecar = _ended(pod, "containerStatuses", "adapter"), _ended(pod, "initContainerStatuses", "sidecar")
    assert (adapter["exitCode"], sidecar["exitCode"], sidecar["reason"]) == (0, 0, "Completed")
    complete = next(each for each in job["status"]["conditions"] if each["type"] == "Complete")
    moments = [adapter["finishedAt"], sidecar["finishedAt"], complete["lastTransitionTime"]]
    assert moments == sorted(moments)
    record_property("seconds", (_time(moments[2]) - _time(moments[0])).total_seconds())


def _ended(pod: Json, kind: str, name: str) -> Json:
    (found,) = (each["state"]["terminated"] for each in pod["status"][kind] if each["name"] == name)
    return dict(found)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_cancelled(evallab: Installed, namespace: str) -> None:
    name = begun(evallab, namespace)
    change(evallab, namespace, name, '{"cancelled": true}')
    status = evallab.finished(name, namespace=namespace)
    assert (status["phase"], status["benchmarks"][0]["reason"]) == ("Cancelled", "Cancelled")


def test_suspended_and_resumed(evallab: Installed, namespace: str) -> None:
    name = begun(evallab, namespace, seconds=12)
    change(evallab, namespace, name, '{"suspend": true}')
    evallab.cluster.wait(f"ej/{name}", "condition=Suspended", namespace=namespace)
    evallab.cluster.kubectl("wait", "pod", "--all", "--for=delete", "--timeout=90s", namespace=namespace)
    change(evallab, namespace, name, '{"suspend": false}')
    status = evallab.finished(name, namespace=namespace, seconds=150)
    assert status["phase"] == "Completed"
    assert evallab.attempts(status["jobId"]) == [("failed", "Suspended"), ("completed", "Completed")]


def test_the_adapter_finds_no_credentials(evallab: Installed, namespace: str) -> None:
    evallab.apply(faulty_job("secrets", name="one"), namespace=namespace)
    assert evallab.finished("one", namespace=namespace)["phase"] == "Completed"
    (pod,) = evallab.cluster.list("pods", namespace=namespace)
    log = evallab.cluster.logs(f"pod/{pod['metadata']['name']}", namespace=namespace, container="adapter")
    assert '"words": []' in log
    assert "token" not in log
