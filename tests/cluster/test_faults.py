"""What goes wrong in a cluster, and how it ends: each with the installed chart, real pods and a real kubelet.

docs/reliability.md lists these with the time to the terminal state that was measured.
"""

import json
import time

import pytest
from tests.cluster.installation import NAMESPACE, Installed, conditions, faulty_job
from tests.cluster.postgres import Database
from tests.cluster.running import Cluster, Json

PENDING = {"timeoutSeconds": 600, "pendingDeadlineSeconds": 600}


def run(evallab: Installed, job: Json, namespace: str, *, seconds: int = 150) -> Json:
    evallab.apply(job, namespace=namespace)
    return evallab.finished(job["metadata"]["name"], namespace=namespace, seconds=seconds)


def ended(status: Json) -> tuple[str, str]:
    """Phase, and the reason of the benchmark; every failure says what to do."""
    benchmark = status["benchmarks"][0]
    if status["phase"] != "Completed":
        assert len(status["message"]) > 20, status
        assert conditions(status)["Failed"][0] == "True"
    assert conditions(status)["Finished"][0] == "True"
    return status["phase"], benchmark.get("reason", status["phase"])


def test_a_foreign_adapter_completes(evallab: Installed, namespace: str) -> None:
    status = run(evallab, faulty_job("ok"), namespace)
    assert ended(status) == ("Completed", "Completed")
    assert conditions(status)["ResultsRecorded"][0] == "True"
    assert [(row["state"], row["metrics"]) for row in results(evallab, status)] == [
        ("completed", {"exact_match": 0.75})
    ]


def results(evallab: Installed, status: Json) -> list[Json]:
    return evallab.rows(
        "SELECT a.state, r.metrics FROM evallab_tables.attempts a JOIN evallab_tables.results r ON r.attempt_id = a.id"
        " WHERE a.job_id = %s",
        status["jobId"],
    )


def test_a_result_that_is_posted_twice_is_recorded_once(evallab: Installed, namespace: str) -> None:
    status = run(evallab, faulty_job("twice"), namespace)
    assert ended(status) == ("Completed", "Completed")
    assert len(results(evallab, status)) == 1


def test_an_adapter_that_exits_with_an_error(evallab: Installed, namespace: str) -> None:
    status = run(evallab, faulty_job("exit", retries=1), namespace)
    assert ended(status) == ("Failed", "ExitedNonZero")
    assert evallab.attempts(status["jobId"]) == [("failed", "ExitedNonZero")] * 2
    assert "code 3" in status["message"]


def test_a_retry_goes_on_from_what_the_last_attempt_left(evallab: Installed, namespace: str) -> None:
    status = run(evallab, faulty_job("once", retries=1), namespace)
    assert ended(status) == ("Completed", "Completed")
    assert evallab.attempts(status["jobId"]) == [("failed", "ExitedNonZero"), ("completed", "Completed")]


def test_out_of_memory(evallab: Installed, namespace: str) -> None:
    status = run(evallab, faulty_job("memory"), namespace)
    assert ended(status) == ("Failed", "OOMKilled")
    assert "memory" in status["message"]


def test_the_deadline(evallab: Installed, namespace: str) -> None:
    status = run(evallab, faulty_job("sleep", timeoutSeconds=5), namespace)
    assert ended(status) == ("Failed", "TimedOut")
    assert "timeoutSeconds" in status["message"]


def test_an_image_that_is_missing(evallab: Installed, namespace: str) -> None:
    job = faulty_job("ok", benchmark={"providerId": "nowhere"})
    status = run(evallab, job, namespace)
    assert ended(status) == ("Failed", "ImagePullFailed")
    assert "nowhere.invalid/nothing:1" in status["message"]


def test_a_model_server_whose_image_is_missing(evallab: Installed, namespace: str) -> None:
    serve = {
        "runtime": "custom",
        "command": "serve",
        "image": "nowhere.invalid/nothing:1",
        "port": 8000,
        "healthPath": "/",
    }
    job = faulty_job("ok", model={"name": "nobody", "serve": serve})
    status = run(evallab, job, namespace)
    assert ended(status) == ("Failed", "ModelServerFailed")
    assert "nowhere.invalid/nothing:1" in status["message"]


def test_pods_that_a_quota_refuses(evallab: Installed, namespace: str) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    evallab.cluster.apply(quota, namespace=namespace)
    status = run(evallab, faulty_job("ok"), namespace)
    assert ended(status) == ("Failed", "PodsRejected")
    assert "quota" in status["message"]


def test_pods_that_no_node_can_take(evallab: Installed, namespace: str) -> None:
    job = faulty_job("ok", nodeSelector={"disk": "none"}, pendingDeadlineSeconds=10)
    status = run(evallab, job, namespace)
    assert ended(status)[0] == "Failed"
    assert ended(status)[1] in {"Unschedulable", "PendingTooLong"}


def test_a_secret_that_is_missing(evallab: Installed, namespace: str) -> None:
    model = {"name": "nobody", "url": "http://nobody.invalid:9/v1", "auth": {"secretRef": {"name": "not-there"}}}
    status = run(evallab, faulty_job("ok", model=model), namespace)
    assert ended(status)[0] == "Failed"
    assert "not-there" in status["message"]


def test_a_claim_that_is_missing(evallab: Installed, namespace: str) -> None:
    job = faulty_job("ok", benchmark={"testDataRef": {"pvc": {"claimName": "not-there"}}})
    status = run(evallab, job, namespace)
    assert ended(status)[0] == "Failed"
    assert "not-there" in status["message"]


def test_a_job_that_is_deleted_by_hand_still_ends(evallab: Installed, namespace: str) -> None:
    """Its pod may finish within its grace period; if it does not, the attempt is made again."""
    job = faulty_job("sleep", retries=1, parameters={"seconds": 15})
    evallab.apply(job, namespace=namespace)
    running_pod(evallab.cluster, namespace)
    evallab.cluster.kubectl("delete", "job", "--all", "--wait=false", namespace=namespace)
    status = evallab.finished(job["metadata"]["name"], namespace=namespace, seconds=150)
    assert ended(status) == ("Completed", "Completed")
    assert len(results(evallab, status)) == 1


def running_pod(cluster: Cluster, namespace: str, *, seconds: float = 60) -> Json:
    """Wait for a pod whose adapter runs."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for pod in cluster.list("pods", namespace=namespace):
            states = {each["name"]: each.get("state", {}) for each in pod["status"].get("containerStatuses", [])}
            if "running" in states.get("adapter", {}) and "deletionTimestamp" not in pod["metadata"]:
                return pod
        time.sleep(0.3)
    raise AssertionError(f"no adapter runs in {namespace}")


def test_an_evicted_pod_costs_no_retry(evallab: Installed, namespace: str) -> None:
    job = faulty_job("sleep", retries=0, parameters={"seconds": 15})
    evallab.apply(job, namespace=namespace)
    pod = running_pod(evallab.cluster, namespace)
    name = pod["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"

    evallab.cluster.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    status = evallab.finished(job["metadata"]["name"], namespace=namespace, seconds=150)
    assert ended(status) == ("Completed", "Completed")
    assert evallab.attempts(status["jobId"])[-1] == ("completed", "Completed")


def test_an_evaljob_that_is_deleted_midway_leaves_nothing_running(evallab: Installed, namespace: str) -> None:
    job = faulty_job("sleep")
    evallab.apply(job, namespace=namespace)
    running_pod(evallab.cluster, namespace)
    name = job["metadata"]["name"]
    found = evallab.cluster.get("ej", name, namespace=namespace)
    assert found is not None
    evallab.cluster.kubectl("delete", "ej", name, namespace=namespace)
    evallab.cluster.kubectl("wait", "pod", "--all", "--for=delete", "--timeout=90s", namespace=namespace)
    assert ended_in_store(evallab, found["metadata"]["uid"]) == "cancelled"


def ended_in_store(evallab: Installed, job_id: str, *, seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        (row,) = evallab.rows("SELECT state FROM evallab_tables.jobs WHERE id = %s", job_id)
        if row["state"] not in {"pending", "running"}:
            return str(row["state"])
        time.sleep(0.5)
    return "still going"


def test_cancelled(evallab: Installed, namespace: str) -> None:
    job = faulty_job("sleep")
    name = job["metadata"]["name"]
    evallab.apply(job, namespace=namespace)
    running_pod(evallab.cluster, namespace)
    evallab.cluster.kubectl(
        *("patch", "ej", name, "--type=merge", "--patch", '{"spec":{"cancelled":true}}'), namespace=namespace
    )
    status = evallab.finished(name, namespace=namespace)
    assert (status["phase"], status["benchmarks"][0]["reason"]) == ("Cancelled", "Cancelled")


def test_suspended_and_resumed(evallab: Installed, namespace: str) -> None:
    job = faulty_job("sleep", parameters={"seconds": 12})
    name = job["metadata"]["name"]
    evallab.apply(job, namespace=namespace)
    running_pod(evallab.cluster, namespace)
    suspend(evallab, name, namespace, "true")
    evallab.cluster.wait(f"ej/{name}", "condition=Suspended", namespace=namespace)
    evallab.cluster.kubectl("wait", "pod", "--all", "--for=delete", "--timeout=90s", namespace=namespace)
    suspend(evallab, name, namespace, "false")
    status = evallab.finished(name, namespace=namespace, seconds=150)
    assert ended(status) == ("Completed", "Completed")
    assert evallab.attempts(status["jobId"]) == [("failed", "Suspended"), ("completed", "Completed")]


def suspend(evallab: Installed, name: str, namespace: str, value: str) -> None:
    patch = f'{{"spec":{{"suspend":{value}}}}}'
    evallab.cluster.kubectl("patch", "ej", name, "--type=merge", "--patch", patch, namespace=namespace)


def test_the_adapter_finds_no_credentials(evallab: Installed, namespace: str) -> None:
    status = run(evallab, faulty_job("secrets"), namespace)
    assert ended(status) == ("Completed", "Completed")
    (pod,) = evallab.cluster.list("pods", namespace=namespace)
    log = evallab.cluster.logs(f"pod/{pod['metadata']['name']}", namespace=namespace, container="adapter")
    assert '"words": []' in log
    assert "token" not in log


@pytest.mark.parametrize("part", ["operator", "server"])
def test_a_part_is_killed_at_result_time(evallab: Installed, namespace: str, part: str) -> None:
    job = faulty_job("sleep", parameters={"seconds": 6})
    evallab.apply(job, namespace=namespace)
    running_pod(evallab.cluster, namespace)
    pods = ("delete", "pod", "--selector", f"app.kubernetes.io/component={part}", "--grace-period=0", "--force")
    evallab.cluster.kubectl(*pods, "--wait=false", namespace=NAMESPACE)
    status = evallab.finished(job["metadata"]["name"], namespace=namespace, seconds=180)
    assert ended(status) == ("Completed", "Completed")
    assert len(results(evallab, status)) == 1
    assert evallab.attempts(status["jobId"]) == [("completed", "Completed")]


def test_postgres_is_away_for_a_minute(evallab: Installed, database: Database, namespace: str) -> None:
    job = faulty_job("sleep", parameters={"seconds": 5})
    evallab.apply(job, namespace=namespace)
    running_pod(evallab.cluster, namespace)
    database.stop()
    try:
        time.sleep(60)  # the adapter ends meanwhile
    finally:
        database.start()
    status = evallab.finished(job["metadata"]["name"], namespace=namespace, seconds=240)
    assert ended(status) == ("Completed", "Completed")
    assert len(results(evallab, status)) == 1
