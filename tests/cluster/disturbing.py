"""EvalJobs whose course is disturbed: how tests of faults begin them, wait for their end, and look at what is left.

How long it takes from a fault to the end goes into the report (`-o junit_family=xunit1 --junitxml=FILE`), and from
there into docs/reliability.md.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.installation import NAMESPACE, Installed, conditions, faulty_job
from tests.cluster.operating import until
from tests.cluster.running import Cluster, Failed, Json

SAMPLES = 5  #: that an adapter in the mode "samples" leaves


@dataclass
class Place:
    """A namespace with EvalJobs of the faulty adapter."""

    evallab: Installed
    namespace: str
    note: Callable[[str, object], None]
    began: float = 0.0  #: when it went wrong: when the job was made, or `disturbed`

    @property
    def cluster(self) -> Cluster:
        """The cluster."""
        return self.evallab.cluster

    def run(self, mode: str, *, seconds: int = 150, **spec: Any) -> Json:
        """Return the status of a job that has ended."""
        job = faulty_job(mode, **spec)
        self.began = time.time()
        self.evallab.apply(job, namespace=self.namespace)
        return self.ended(job["metadata"]["name"], seconds=seconds)

    def start(self, mode: str, **spec: Any) -> tuple[str, str]:
        """Begin a job and return its name and that of its pod, whose adapter runs."""
        job = faulty_job(mode, **spec)
        self.evallab.apply(job, namespace=self.namespace)
        pod = until(lambda: running_pod(self.cluster, self.namespace), what="a running adapter")
        self.disturbed()
        return job["metadata"]["name"], pod

    def disturbed(self) -> None:
        """From now on the time to the end is measured."""
        self.began = time.time()

    def noted(self) -> None:
        """Report how long it took until now."""
        self.note("seconds", round(time.time() - self.began, 1))

    def ended(self, name: str, *, seconds: int = 150) -> Json:
        """Wait for the end of a job. Every failure has a reason and says what to do."""
        status = self.evallab.finished(name, namespace=self.namespace, seconds=seconds)
        self.noted()
        assert conditions(status)["Finished"][0] == "True"
        if status["phase"] not in {"Completed", "Cancelled"}:
            assert conditions(status)["Failed"][0] == "True"
        return status

    def once(self, status: Json, *, samples: int = 0) -> None:
        """Require that every benchmark was counted once: one result, one score, each sample."""
        assert status["phase"] == "Completed", status
        assert conditions(status)["ResultsRecorded"][0] == "True"
        wanted = [{"results": 1, "scores": 1, "samples": samples}] * len(status["benchmarks"])
        assert self.evallab.rows(_COUNTED, status["jobId"]) == wanted

    def patch(self, name: str, **spec: Any) -> None:
        """Change the spec of a job."""
        text = json.dumps({"spec": spec})
        self.cluster.kubectl("patch", "ej", name, "--type=merge", "--patch", text, namespace=self.namespace)


_COUNTED = """
SELECT count(DISTINCT r.id) AS results,
       count(DISTINCT s.metric || s.result_id) FILTER (WHERE s.is_primary) AS scores,
       (SELECT count(*) FROM evallab_tables.samples x JOIN evallab_tables.results y ON y.id = x.result_id
        WHERE (y.job_id, y.index) = (b.job_id, b.index)) AS samples
FROM evallab_tables.job_benchmarks b
LEFT JOIN evallab_tables.results r ON (r.job_id, r.index) = (b.job_id, b.index)
LEFT JOIN evallab_tables.scores s ON s.result_id = r.id
WHERE b.job_id = %s GROUP BY b.job_id, b.index ORDER BY b.index
"""


def outcome(status: Json) -> tuple[str, str]:
    """Return phase, and the reason of the first benchmark."""
    return status["phase"], status["benchmarks"][0].get("reason", status["phase"])


def running_pod(cluster: Cluster, namespace: str) -> str:
    """Return the name of a pod whose adapter runs, "" while there is none."""
    for pod in cluster.list("pods", namespace=namespace):
        states = {each["name"]: each.get("state", {}) for each in pod["status"].get("containerStatuses", [])}
        if "running" in states.get("adapter", {}) and "deletionTimestamp" not in pod["metadata"]:
            return str(pod["metadata"]["name"])
    return ""


def kill(cluster: Cluster, part: str) -> None:
    """Kill operator or server as a crash does, and let its Deployment make another pod at once.

    A container that is only killed is restarted later and later; nobody wants to wait for that.
    """
    labels = f"app.kubernetes.io/component={part}"
    for pod in cluster.list("pods", namespace=NAMESPACE, labels=labels):
        kill_in(pod, "evallab")
    words = ("delete", "pod", "--selector", labels, "--grace-period=0", "--force", "--wait=false")
    cluster.kubectl(*words, namespace=NAMESPACE)


def kill_in(pod: Json, word: str) -> None:
    """Kill the processes of a pod whose command line has a word: this machine sees those of the node."""
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if not folder.name.isdigit() or pod["metadata"]["uid"] not in (folder / "cgroup").read_text():
                continue
            if word.encode() in (folder / "cmdline").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)


@contextlib.contextmanager
def away(cluster: Cluster, process: str) -> Iterator[None]:
    """Kill a process of the cluster, and start it again as it was."""
    number = cluster.pid(process)
    argv = [each.decode() for each in Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")[:-1]]
    program, log = str(Path(f"/proc/{number}/exe").readlink()), cluster.place.directory / "log" / f"{process}.log"
    os.kill(number, signal.SIGKILL)
    try:
        yield
    finally:
        said = (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_APPEND, 0o644)
        files = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), said, (os.POSIX_SPAWN_DUP2, 1, 2)]
        made = os.posix_spawn(program, argv, os.environ, file_actions=files, setsid=True)
        born = Path(f"/proc/{made}/stat").read_text().rpartition(")")[2].split()[19]
        (cluster.place.directory / "pids" / process).write_text(f"{made} {born}\n")
        until(lambda: _ready(cluster), what="a ready API server")


def _ready(cluster: Cluster) -> bool:
    with contextlib.suppress(Failed):
        return cluster.kubectl("get", "--raw", "/readyz") == "ok"
    return False


@contextlib.contextmanager
def altered(place: Place, pod: str) -> Iterator[None]:
    """Let the cluster alter the pods of Jobs, as webhooks and policies of clusters do; `pod` is CEL."""
    name, where = f"altered-{place.namespace}", {"kubernetes.io/metadata.name": place.namespace}
    rule = {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["jobs"], "operations": ["CREATE"]}
    expression = f"Object{{spec: Object.spec{{template: Object.spec.template{{spec: {_POD}{{{pod}}}}}}}}}"
    policy: Json = {
        "matchConstraints": {"resourceRules": [rule], "namespaceSelector": {"matchLabels": where}},
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
    }
    frame = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    kinds = {"MutatingAdmissionPolicy": policy, "MutatingAdmissionPolicyBinding": {"policyName": name}}
    place.cluster.apply(*({**frame, "kind": kind, "spec": spec} for kind, spec in kinds.items()))
    try:
        until(lambda: _alters(place, pod.partition(":")[0]), what="the policy in force")
        yield
    finally:
        place.cluster.kubectl("delete", *(f"{kind}/{name}" for kind in kinds))


_POD = "Object.spec.template.spec"


def _alters(place: Place, named: str) -> bool:
    words = ("create", "job", "probe", "--image=none", "--dry-run=server", "--output=json")
    return named in json.loads(place.cluster.kubectl(*words, namespace=place.namespace))["spec"]["template"]["spec"]
