"""What pods say: a table of statuses as clusters write them, with what is made of each."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evallab.planning.cluster import observed
from evallab.planning.cluster.plan import ClusterConfig
from evallab.planning.conclusion import DISRUPTIONS

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CONFIG = ClusterConfig(image="evallab", server_url="http://evallab.evallab.svc:8080", unschedulable_seconds=120)
Json = dict[str, Any]


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def job(age: float = 300, *, suspend: bool = False, queue: str = "", conditions: tuple[Json, ...] = ()) -> Json:
    labels = {"kueue.x-k8s.io/queue-name": queue} if queue else {}
    metadata = {"name": "quickstart-0-1-x", "uid": "job-uid", "creationTimestamp": ago(age), "labels": labels}
    return {"metadata": metadata, "spec": {"suspend": suspend}, "status": {"conditions": list(conditions)}}


def condition(kind: str, status: str = "True", *, age: float = 300, **more: str) -> Json:
    return {"type": kind, "status": status, "lastTransitionTime": ago(age), **more}


def pod(phase: str = "Running", *states: Json, deleted: float | None = None, **status: Any) -> Json:
    metadata = {"name": "quickstart-0-1-x-abcde", "namespace": "team-a", "creationTimestamp": ago(300)}
    if deleted is not None:
        metadata["deletionTimestamp"] = ago(deleted)
    own = {"sidecar", "init"}
    return {
        "metadata": metadata,
        "spec": {"nodeName": "node-1"},
        "status": {
            "phase": phase,
            "startTime": ago(290),
            "initContainerStatuses": [each for each in states if each["name"] in own],
            "containerStatuses": [each for each in states if each["name"] not in own],
            **status,
        },
    }


def container(name: str = "adapter", *, ready: bool = False, image: str = "adapter:1", **state: Json) -> Json:
    return {"name": name, "image": image, "imageID": "adapter@sha256:1", "ready": ready, "state": state}


def waiting(reason: str, message: str = "", name: str = "adapter") -> Json:
    return container(name, waiting={"reason": reason, "message": message})


def ended(code: int, reason: str = "Error", *, name: str = "adapter", message: str = "") -> Json:
    said = {"exitCode": code, "reason": reason, "startedAt": ago(200), "finishedAt": ago(100), "message": message}
    return container(name, terminated=said)


def event(reason: str, message: str) -> Json:
    return {"reason": reason, "message": message, "lastTimestamp": ago(10)}


RUNS = container(running={"startedAt": ago(200)})
PLACED = condition("PodScheduled", age=280)
FAILED = condition("Failed", reason="BackoffLimitExceeded")
UNPLACED = condition("PodScheduled", "False", age=130, reason="Unschedulable", message="0/2 nodes: 2 Insufficient gpu.")


@dataclass(frozen=True, kw_only=True)
class Case:
    job: Json | None = field(default_factory=job)
    pods: tuple[Json, ...] = ()
    events: tuple[Json, ...] = ()
    sealed: bool = False
    workload: Json | None = None
    state: str
    cause: str | None = None
    said: str = ""  #: in the cause, or in why it waits


def evicted(message: str) -> Json:
    return pod("Failed", ended(137), reason="Evicted", message=message)


def disrupted(reason: str, *, deleted: float | None = None) -> Json:
    return pod("Failed", ended(143), conditions=[condition("DisruptionTarget", reason=reason)], deleted=deleted)


INADMISSIBLE = {
    "metadata": {"creationTimestamp": ago(90)},
    "status": {
        "conditions": [
            condition("QuotaReserved", "False", reason="Inadmissible", message="LocalQueue evals doesn't exist")
        ]
    },
}
QUEUED = {
    "metadata": {"creationTimestamp": ago(90)},
    "status": {
        "conditions": [condition("QuotaReserved", "False", reason="Pending", message="insufficient quota for gpu")]
    },
}
DATA = '{"reason": "DatasetHashMismatch", "message": "The data is other data.", "remedy": "Correct sha256."}'
REFUSED = 'pods "x" is forbidden: exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0'
NO_ACCOUNT = 'pods "x" is forbidden: error looking up service account a/b: serviceaccount "b" not found'
NO_SECRET = 'MountVolume.SetUp failed for volume "model-secret" : secret "model-key" not found'
NOT_SYNCED = 'MountVolume.SetUp failed for volume "meta" : failed to sync configmap cache: timed out waiting'
NO_CLAIM = '0/1 nodes are available: persistentvolumeclaim "sets" not found.'
CASES: dict[str, Case] = {
    "the pod is being made": Case(job=job(1), state="waiting", said="being made"),
    "it runs": Case(pods=(pod("Running", RUNS, conditions=[PLACED]),), state="running"),
    "it runs and is being deleted": Case(pods=(pod("Running", RUNS, deleted=-5),), state="running"),
    "data is being fetched": Case(
        pods=(pod("Pending", container("init", running={"startedAt": ago(3)}), waiting("PodInitializing")),),
        state="waiting",
        said="test data",
    ),
    "images are pulled": Case(
        pods=(pod("Pending", waiting("ContainerCreating"), conditions=[PLACED]),), state="waiting", said="pulled"
    ),
    "ended and sealed": Case(pods=(pod("Succeeded", ended(0, "Completed")),), sealed=True, state="over"),
    "ended well and nothing arrived": Case(
        pods=(pod("Succeeded", ended(0, "Completed")),), state="over", cause="ResultsMissing"
    ),
    "ended badly": Case(pods=(pod("Failed", ended(3)),), state="over"),
    "completed, and its pod removed": Case(
        job=job(conditions=(condition("Complete"),)), state="gone", cause="ResultsMissing"
    ),
    "out of memory": Case(
        pods=(pod("Failed", ended(137, "OOMKilled")),), state="over", cause="OOMKilled", said="adapter used more memory"
    ),
    "init out of memory": Case(
        pods=(pod("Failed", ended(137, "OOMKilled", name="init")),), state="over", cause="OOMKilled", said="init used"
    ),
    "evicted": Case(
        pods=(evicted("The node was low on resource: memory."),), state="over", cause="Evicted", said="low on resource"
    ),
    "evicted for its own fault": Case(
        pods=(evicted("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi."),),
        state="over",
        cause="DiskLimitExceeded",
    ),
    "drained": Case(pods=(disrupted("EvictionByEvictionAPI"),), state="over", cause="Evicted"),
    "preempted": Case(pods=(disrupted("PreemptionByScheduler", deleted=5),), state="over", cause="Preempted"),
    "node gone": Case(pods=(disrupted("DeletionByPodGC"),), state="over", cause="NodeLost", said="node-1"),
    "node does not answer": Case(
        pods=(pod("Running", RUNS, deleted=40),), state="running", cause="NodeLost", said="node-1"
    ),
    "pod deleted by hand": Case(pods=(pod("Failed", ended(143), deleted=1),), state="over", cause="PodDeleted"),
    "pod deleted and away": Case(job=job(conditions=(FAILED,)), state="gone", cause="PodDeleted"),
    "job deleted by hand": Case(job=None, state="gone", cause="JobDeleted"),
    "job being deleted, without pods": Case(
        job={**job(), "metadata": {**job()["metadata"], "deletionTimestamp": ago(1)}}, state="gone", cause="JobDeleted"
    ),
    "job deleted, pod still ends": Case(job=None, pods=(pod("Running", RUNS, deleted=-5),), state="running"),
    "deadline of the pod": Case(
        pods=(pod("Failed", ended(137), reason="DeadlineExceeded"),), state="over", cause="TimedOut"
    ),
    "a kubelet that is late": Case(
        pods=(pod("Pending", waiting("ContainerCreating"), conditions=[PLACED]),),
        events=(event("FailedMount", NOT_SYNCED),),
        state="waiting",
        said="failed to sync",
    ),
    "image not found": Case(
        pods=(pod("Pending", waiting("ImagePullBackOff", "not found: adapter:1"), conditions=[PLACED]),),
        state="waiting",
        cause="ImagePullFailed",
        said="adapter:1",
    ),
    "image not found yet": Case(
        pods=(pod("Pending", waiting("ErrImagePull", "try again"), startTime=ago(10)),), state="waiting", said="try"
    ),
    "image not found after long data": Case(
        pods=(pod("Pending", waiting("ErrImagePull", "later"), conditions=[condition("Initialized", age=5)]),),
        state="waiting",
        said="later",
    ),
    "image without a name": Case(
        pods=(pod("Pending", waiting("InvalidImageName", "invalid reference"), startTime=ago(1)),),
        state="waiting",
        cause="ImagePullFailed",
    ),
    "secret of an environment missing": Case(
        pods=(pod("Pending", waiting("CreateContainerConfigError", 'secret "hub" not found')),),
        state="waiting",
        cause="ConfigMissing",
        said='secret "hub" not found',
    ),
    "secret of a volume missing": Case(
        pods=(pod("Pending", waiting("ContainerCreating"), conditions=[PLACED]),),
        events=(event("FailedMount", NO_SECRET),),
        state="waiting",
        cause="ConfigMissing",
        said="model-key",
    ),
    "claim missing": Case(
        pods=(pod("Pending", conditions=[UNPLACED | {"message": NO_CLAIM}]),),
        state="waiting",
        cause="VolumeMissing",
        said="sets",
    ),
    "refused by a quota": Case(
        events=(event("FailedCreate", REFUSED),), state="waiting", cause="PodsRejected", said="Ask for less"
    ),
    "refused for its account": Case(
        events=(event("FailedCreate", NO_ACCOUNT),), state="waiting", cause="PodsRejected", said="service account"
    ),
    "refused by pod security": Case(
        events=(event("FailedCreate", 'violates PodSecurity "restricted:latest": hostPath'),),
        state="waiting",
        cause="PodsRejected",
        said="podTemplate",
    ),
    "refused just now": Case(job=job(5), events=(event("FailedCreate", REFUSED),), state="waiting", said="quota"),
    "no node": Case(
        pods=(pod("Pending", conditions=[UNPLACED]),), state="waiting", cause="Unschedulable", said="Insufficient gpu"
    ),
    "no node yet": Case(
        pods=(pod("Pending", conditions=[UNPLACED | {"lastTransitionTime": ago(20)}]),), state="waiting", said="gpu"
    ),
    "in a queue": Case(
        job=job(suspend=True, queue="evals"), workload=QUEUED, state="waiting", said="In the queue evals: insufficient"
    ),
    "in a queue that does not exist": Case(
        job=job(suspend=True, queue="evals"),
        workload=INADMISSIBLE,
        state="waiting",
        cause="QueueNotFound",
        said="doesn't exist",
    ),
    "wrong data": Case(
        pods=(pod("Failed", ended(1, name="init", message=DATA), waiting("PodInitializing")),),
        state="over",
        cause="DatasetHashMismatch",
        said="Correct sha256.",
    ),
    "init crashed": Case(
        pods=(pod("Failed", ended(1, name="init", message="Traceback: boom")),),
        state="over",
        cause="InitFailed",
        said="boom",
    ),
    "sidecar crashes": Case(
        pods=(
            pod(
                "Pending",
                waiting("CrashLoopBackOff", name="sidecar")
                | {"restartCount": 4, "lastState": {"terminated": {"exitCode": 2, "message": "no server"}}},
            ),
        ),
        state="waiting",
        cause="SidecarFailed",
        said="no server",
    ),
    "entrypoint not in the image": Case(
        pods=(pod("Failed", ended(128, "StartError", message="exec: nosuch: not found")),),
        state="over",
        cause="CommandNotFound",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_made_of_it(name: str) -> None:
    """State, reason and sentence; a reason always comes with something to do."""
    case = CASES[name]
    seen = observed.seen(
        case.job, case.pods, case.events, now=NOW, config=CONFIG, sealed=case.sealed, workload=case.workload
    )
    cause = seen.cause
    assert (seen.state, cause.reason if cause else None) == (case.state, case.cause)
    assert case.said in (cause.sentence if cause else seen.why)
    assert cause is None or cause.reason == "InitFailed" or cause.remedy


def test_what_ran_is_told() -> None:
    """For the provenance, with the digest of the image."""
    seen = observed.seen(job(), (pod("Failed", ended(3, message="boom")),), now=NOW, config=CONFIG)
    assert seen == observed.Seen(
        state="over",
        started_at=NOW - timedelta(seconds=200),
        finished_at=NOW - timedelta(seconds=100),
        code=3,
        message="boom",
        pod="quickstart-0-1-x-abcde",
        executed={
            "image": "adapter:1",
            "image_id": "adapter@sha256:1",
            "node": "node-1",
            "pod": "quickstart-0-1-x-abcde",
            "namespace": "team-a",
            "pod_started_at": ago(290),
            "started_at": ago(200),
        },
    )


def test_whose_fault_it_was_decides_on_another_try() -> None:
    """What others did costs no retry."""
    reasons = {case.cause for case in CASES.values() if case.cause}
    assert reasons & DISRUPTIONS == {"Evicted", "NodeLost", "PodDeleted", "Preempted"}


@pytest.mark.parametrize(
    ("job_", "pods", "expected"),
    [
        (None, (), False),
        (job(1), (), False),
        (job(3), (), True),
        (job(3, suspend=True), (), False),
        (job(3, conditions=(FAILED,)), (), False),
        (job(), (pod("Pending", waiting("ContainerCreating"), conditions=[PLACED]),), True),
        (job(), (pod("Pending", conditions=[UNPLACED]),), False),
        (job(), (pod("Running", RUNS, conditions=[PLACED]),), False),
        (job(), (pod("Failed", ended(1)),), False),
    ],
)
def test_events_are_asked_for_only_when_nothing_gets_on(
    job_: Json | None, pods: tuple[Json, ...], expected: bool
) -> None:
    """In a steady state nothing is read."""
    assert observed.quiet(job_, pods, NOW) is expected
