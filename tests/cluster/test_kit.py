"""What the tests on a cluster rely on: DNS, the way to this machine, policies, simulated nodes and GPUs."""

import contextlib
import json
from collections.abc import Iterator

import psycopg
import pytest
from tests.cluster.pods import output, pod, script
from tests.cluster.postgres import Database
from tests.cluster.running import Cluster, Failed, Json

WEB = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].encode())
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
ASK = """
import socket, sys, time
deadline = time.monotonic() + 20
while True:  # a policy acts on a pod once its address is published
    try:
        socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
        answer = "answered"
    except OSError:
        answer = "refused"
    if answer == sys.argv[3] or time.monotonic() > deadline:
        break
    time.sleep(0.2)
print(answer)
"""


def asking(name: str, base: str, host: str, port: int, expected: str, **labels: str) -> Json:
    """A pod that prints "answered" or "refused"; it has patience until it is as expected."""
    made = script(name, base, ASK, labels=labels)
    made["spec"]["containers"][0]["args"] += [host, str(port), expected]
    return made


@pytest.fixture
def web(cluster: Cluster, base: str, namespace: str) -> str:
    """The name of a service."""
    cluster.apply(script("web", base, WEB, labels={"app": "web"}), namespace=namespace)
    ports = [{"port": 80, "targetPort": 8000}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    cluster.apply({**service, "spec": {"selector": {"app": "web"}, "ports": ports}}, namespace=namespace)
    cluster.wait("pod/web", "condition=Ready", namespace=namespace)
    return f"web.{namespace}.svc"


def test_pods_reach_services_and_this_machine_by_name_and_nothing_else(
    cluster: Cluster, base: str, namespace: str, web: str, database: Database
) -> None:
    def ask(name: str, host: str, port: int, expected: str) -> str:
        return output(cluster, namespace, asking(name, base, host, port, expected)).strip()

    found = {
        "service": ask("service", web, 80, "answered"),
        "API server": ask("api", "kubernetes.default.svc", 443, "answered"),
        "this machine": ask("machine", "host.evallab.internal", database.port, "answered"),
        "elsewhere": ask("elsewhere", "192.0.2.1", 80, "refused"),
        "unknown name": ask("unknown", "example.org", 80, "refused"),
    }
    assert found == {**dict.fromkeys(("service", "API server", "this machine"), "answered"), **dict.fromkeys(
        ("elsewhere", "unknown name"), "refused")}  # fmt: skip


def test_policies_are_enforced(cluster: Cluster, base: str, namespace: str, web: str) -> None:
    chosen = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}
    friends = [{"from": [{"podSelector": {"matchLabels": {"role": "friend"}}}], "ports": [{"port": 8000}]}]
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "friends"}}
    cluster.apply({**policy, "spec": {**chosen, "ingress": friends}}, namespace=namespace)
    friend = output(cluster, namespace, asking("friend", base, web, 80, "answered", role="friend"))
    other = output(cluster, namespace, asking("other", base, web, 80, "refused"))
    assert (friend, other) == ("answered\n", "refused\n")


def test_a_policy_keeps_a_pod_in(cluster: Cluster, base: str, namespace: str, web: str) -> None:
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "kept"}}
    kept = {"podSelector": {"matchLabels": {"role": "kept"}}, "policyTypes": ["Egress"]}
    dns = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    rules = [{"to": [dns], "ports": [{"port": 53, "protocol": "UDP"}]}]
    cluster.apply({**policy, "spec": {**kept, "egress": rules}}, namespace=namespace)
    inside = output(cluster, namespace, asking("kept", base, web, 80, "refused", role="kept"))
    free = output(cluster, namespace, asking("free", base, web, 80, "answered"))
    assert (inside, free) == ("refused\n", "answered\n")


def test_a_database_goes_away_and_comes_back_with_what_it_had(database: Database, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    with _stopped(database), pytest.raises(psycopg.OperationalError):
        psycopg.connect(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT one FROM kept").fetchall() == [(1,)]


@contextlib.contextmanager
def _stopped(database: Database) -> Iterator[None]:
    database.stop()
    try:
        yield
    finally:
        database.start()


def test_the_node_offers_gpus_that_are_none(cluster: Cluster) -> None:
    def offered() -> str | None:
        node = cluster.get("node", cluster.place.name)
        assert node is not None
        found: str | None = node["status"]["allocatable"].get("nvidia.com/gpu")
        return found

    cluster.place.kit("fake-gpus", "2")
    assert offered() == "2"
    cluster.place.kit("fake-gpus", "0")
    assert offered() == "0"


def test_a_pod_that_is_not_restricted_is_refused(cluster: Cluster, base: str, namespace: str) -> None:
    made = pod("root", base, ["true"])
    del made["spec"]["securityContext"]["seccompProfile"]
    with pytest.raises(Failed, match='violates PodSecurity "restricted'):
        cluster.apply(made, namespace=namespace)


def test_simulated_nodes_do_what_annotations_say(nodeless: Cluster) -> None:
    notes = {"evallab.test/exit-code": "3", "evallab.test/message": "as told", "evallab.test/run-for": "1s"}
    container = {"name": "main", "image": "none", "resources": {"limits": {"nvidia.com/gpu": "8"}}}
    template = {"metadata": {"annotations": notes}, "spec": {"restartPolicy": "Never", "containers": [container]}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "told"}}
    nodeless.apply({**job, "spec": {"backoffLimit": 0, "template": template}})
    try:
        nodeless.wait("job/told", "condition=Failed")
        [made] = nodeless.list("pod", labels="job-name=told")
        ended = made["status"]["containerStatuses"][0]["state"]["terminated"]
        assert (ended["exitCode"], ended["message"]) == (3, "as told"), json.dumps(made["status"])
    finally:
        nodeless.kubectl("delete", "job", "told")
