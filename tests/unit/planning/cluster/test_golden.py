"""What the builders make is written down in golden files; `UPDATE_GOLDEN=1 pytest …` writes them anew."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.planning.cluster.plans import PLANS

GOLDEN = Path(__file__).parent / "golden"


class Readable(yaml.SafeDumper):
    """Writes everything out where it is, and files as files."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        """Write what is there twice twice."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Readable.add_representer(str, _text)


@pytest.mark.parametrize("name", PLANS)
def test_the_objects_are_those_of_the_golden_file(name: str) -> None:
    """A change of any object is seen in a diff."""
    text = yaml.dump_all(PLANS[name](), Dumper=Readable, sort_keys=False, width=120)
    file = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


def test_there_is_no_other_golden_file() -> None:
    """What nothing builds any more is removed."""
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(PLANS)


@pytest.mark.parametrize("name", PLANS)
def test_every_pod_is_restricted(name: str) -> None:
    """The rules of the restricted standard, as far as our pods could break them."""
    pods = [each["spec"]["template"]["spec"] for each in PLANS[name]() if each["kind"] == "Job"]
    assert [problem for pod in pods for problem in _unrestricted(pod)] == []


def _unrestricted(pod: dict[str, Any]) -> Iterator[str]:
    security = pod["securityContext"]
    if security["runAsNonRoot"] is not True or security["seccompProfile"] != {"type": "RuntimeDefault"}:
        yield "pod security context"
    if pod["automountServiceAccountToken"] is not False or pod["enableServiceLinks"] is not False:
        yield "what Kubernetes would add"
    if {"hostNetwork", "hostPID", "hostIPC"} & set(pod):
        yield "host namespaces"
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        if container["securityContext"] != {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }:
            yield f"security context of {container['name']}"
    allowed = {"emptyDir", "configMap", "secret", "projected", "persistentVolumeClaim"}
    yield from (f"volume {each['name']}" for each in pod["volumes"] if not set(each) - {"name"} <= allowed)


@pytest.mark.parametrize("name", PLANS)
def test_the_adapter_sees_no_credentials(name: str) -> None:
    """Secrets and the token are mounted into the containers of evallab only."""
    for job in (each for each in PLANS[name]() if each["kind"] == "Job"):
        pod = job["spec"]["template"]["spec"]
        secret = {each["name"] for each in pod["volumes"] if {"secret", "projected"} & set(each)}
        for container in pod["containers"]:
            assert {each["name"] for each in container["volumeMounts"]} & secret == set()


@pytest.mark.parametrize("name", PLANS)
def test_jobs_in_a_queue_begin_suspended_and_no_others(name: str) -> None:
    """Kueue admits them; where there is none, they do not run past a queue that somebody named."""
    jobs = [each for each in PLANS[name]() if each["kind"] == "Job"]
    queued = ["kueue.x-k8s.io/queue-name" in each["metadata"]["labels"] for each in jobs]
    assert [each["spec"].get("suspend", False) for each in jobs] == queued
