"""evallab as its chart installs it, for tests: jobs are applied, waited for, and looked at as users do.

Made by the fixture `evallab` of `conftest`. Besides the built-in provider it knows `faulty`, whose adapter does what
`parameters.mode` says (faulty_adapter.py).
"""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg.rows import dict_row
from tests.cluster.images import ROOT, Images
from tests.cluster.running import Cluster, Json

CHART = ROOT / "charts" / "evallab"
NAMESPACE = "evallab"
FOREIGN = "localhost/foreign-adapter:1"
ADAPTER = Path(__file__).parent / "faulty_adapter.py"


@dataclass(frozen=True)
class Installed:
    """An installation in the namespace `evallab`, and its database."""

    cluster: Cluster
    images: Images
    database_url: str

    def apply(self, manifest: Json | str, *, namespace: str) -> None:
        """Create an EvalJob, from a dictionary or as the text of a file."""
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        self.cluster.kubectl("apply", "--filename", "-", namespace=namespace, stdin=text)

    def finished(self, name: str, *, namespace: str, seconds: int = 120) -> Json:
        """Wait for the end of an EvalJob and return its status."""
        self.cluster.wait(f"ej/{name}", "condition=Finished", namespace=namespace, seconds=seconds)
        return self.status(name, namespace=namespace)

    def status(self, name: str, *, namespace: str) -> Json:
        """Return the status of an EvalJob, {} while it has none."""
        found = self.cluster.get("ej", name, namespace=namespace)
        assert found is not None, name
        status: Json = found.get("status", {})
        return status

    def rows(self, query: str, *values: Any) -> list[Json]:
        """Ask the database."""
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def attempts(self, job_id: str) -> list[tuple[str, str | None]]:
        """Return state and reason of a job's attempts, oldest first."""
        found = self.rows(
            "SELECT state, reason FROM evallab_tables.attempts WHERE job_id = %s ORDER BY created_at", job_id
        )
        return [(row["state"], row["reason"]) for row in found]


def conditions(status: Json) -> dict[str, tuple[str, str]]:
    """Return status and reason of each condition."""
    return {each["type"]: (each["status"], each["reason"]) for each in status.get("conditions", [])}


def faulty_job(mode: str, *, name: str = "", count: int = 1, **spec: Any) -> Json:
    """Return an EvalJob of the faulty adapter; `spec` is added to its spec."""
    parameters = {"mode": mode, **spec.pop("parameters", {})}
    benchmark = {"providerId": "faulty", "id": "fault", "parameters": parameters, **spec.pop("benchmark", {})}
    return {
        "apiVersion": "evallab.dev/v1alpha1",
        "kind": "EvalJob",
        "metadata": {"name": name or f"{mode}-{secrets.token_hex(2)}"},
        "spec": {
            "model": {"name": "nobody", "url": "http://nobody.invalid:9/v1"},
            "benchmarks": [benchmark] * count,
            "retries": 0,
            "determinism": {"canary": "Off"},  # nobody is there
            **spec,
        },
    }


def faulty_provider(image: str, *, name: str = "faulty") -> Json:
    """Return the provider file of the faulty adapter, in some image."""
    return {
        "id": name,
        "name": name,
        "title": "Does what it is told",
        "benchmarks": [{"id": "fault", "name": "fault", "metrics": ["exact_match"]}],
        "runtime": {
            "k8s": {
                "image": image,
                "entrypoint": ["python3", "-c", ADAPTER.read_text()],
                "cpu_request": "20m",
                "memory_request": "32Mi",
                "cpu_limit": "1",
                "memory_limit": "128Mi",
                "image_pull_policy": "IfNotPresent",
            }
        },
    }


def foreign_provider() -> Json:
    """Return the provider file of an adapter on EvalHub's SDK; its image is made by test_foreign_adapter.py."""
    limits = {"cpu_request": "50m", "memory_request": "64Mi", "cpu_limit": "1", "memory_limit": "256Mi"}
    return {
        "id": "foreign",
        "name": "foreign",
        "benchmarks": [{"id": "tiny", "name": "tiny", "metrics": ["acc"]}],
        "runtime": {"k8s": {"image": FOREIGN, "image_pull_policy": "IfNotPresent", **limits}},
    }


def values(images: Images) -> Json:
    """Return the chart's values for this cluster."""
    repository, _, tag = images.operator.rpartition(":")
    return {
        "image": {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"},
        "postgres": {"existingSecret": "evallab-postgres"},
        "providers": {
            "faulty.yaml": yaml.safe_dump(faulty_provider(images.base)),
            "foreign.yaml": yaml.safe_dump(foreign_provider()),
            "nowhere.yaml": yaml.safe_dump(faulty_provider("nowhere.invalid/nothing:1", name="nowhere")),
        },
        "attempts": {"refusedPodSeconds": 10, "imageSeconds": 15, "configErrorSeconds": 10, "sidecarGraceSeconds": 180},
        "modelServerImages": {"reference": images.demo_model_server},
    }


def exporter_port(cluster: Cluster) -> int:
    """Return where the operator looks for a dcgm-exporter; a test may put one there."""
    return cluster.place.port + 19


def hub_port(cluster: Cluster) -> int:
    """Return where the server looks for the hub of datasets; a test may put one there."""
    return cluster.place.port + 9


def install(cluster: Cluster, images: Images, database_url: str, folder: Path) -> Installed:
    """Install the chart as docs/how-to/install-on-kubernetes.md says."""
    cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.kubectl(
        *("create", "secret", "generic", "evallab-postgres", f"--from-literal=uri={database_url}"), namespace=NAMESPACE
    )
    file = folder / "values.yaml"
    hub = f"http://{cluster.host}:{hub_port(cluster)}"
    server = {"server": {"extraEnv": [{"name": "HF_ENDPOINT", "value": hub}]}}
    telemetry = {"telemetry": {"dcgm": {"service": f"{cluster.host}:{exporter_port(cluster)}"}}}
    file.write_text(yaml.safe_dump(values(images) | server | telemetry))
    words = ("install", "evallab", str(CHART), "--values", str(file), "--wait", "--timeout", "180s")
    cluster.helm(*words, namespace=NAMESPACE)
    return Installed(cluster, images, database_url)
