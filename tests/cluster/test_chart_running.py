"""The installed chart on a node: `helm test` says that it works, and the demo Postgres is reached by its Secret."""

import base64
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from tests.cluster.chart import Helm
from tests.cluster.images import Images
from tests.cluster.installation import NAMESPACE, Installed
from tests.cluster.running import Cluster


def test_helm_test(evallab: Installed) -> None:
    said = evallab.cluster.helm("test", "evallab", "--logs", "--timeout", "280s", namespace=NAMESPACE)
    assert "The installation works." in said


def test_the_demo_postgres_takes_the_url_in_its_secret(
    cluster: Cluster, images: Images, namespace: str, tmp_path: Path
) -> None:
    repository, _, tag = images.demo_postgres.rpartition(":")
    demo = {"enabled": True, "image": {"repository": repository, "tag": tag}}
    objects = Helm(tmp_path).objects({"postgres": {"demo": demo}}, namespace=namespace)
    ours = [each for each in objects if each["metadata"]["name"] == "evallab-demo-postgres"]
    assert sorted(each["kind"] for each in ours) == ["NetworkPolicy", "Secret", "Service", "StatefulSet"]
    cluster.apply(*(each for each in ours if each["kind"] != "NetworkPolicy"))
    cluster.kubectl("rollout", "status", "statefulset/evallab-demo-postgres", "--timeout=120s", namespace=namespace)

    service = cluster.get("service", "evallab-demo-postgres", namespace=namespace)
    secret = cluster.get("secret", "evallab-demo-postgres", namespace=namespace)
    assert service
    assert secret
    uri = base64.b64decode(secret["data"]["uri"]).decode()
    assert urlsplit(uri).hostname == f"evallab-demo-postgres.{namespace}.svc"
    with psycopg.connect(uri, hostaddr=service["spec"]["clusterIP"]) as connection:
        assert connection.execute("SELECT current_user, current_database()").fetchone() == ("evallab", "evallab")
