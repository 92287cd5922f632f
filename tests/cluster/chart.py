"""The chart as helm renders it, for the tests of the chart; no cluster is needed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.cluster.running import CACHE, Failed, run

Json = dict[str, Any]
CHART = Path(__file__).parents[2] / "charts" / "evallab"
DATABASE = {"postgres": {"existingSecret": "evallab-postgres"}}
RBAC = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


def given(name: str) -> Json:
    """Return the values of one of the chart's own examples."""
    loaded: Json = yaml.safe_load((CHART / "ci" / f"{name}-values.yaml").read_text())
    return loaded


@dataclass(frozen=True)
class Helm:
    """helm, with its files in a folder of the test's."""

    folder: Path

    def said(self, *words: str, values: Json) -> str:
        """Run a command on the chart. Raises Failed."""
        file = self.folder / "values.yaml"
        file.write_text(json.dumps(values))
        homes = {f"HELM_{what}_HOME": str(self.folder) for what in ("CACHE", "CONFIG", "DATA")}
        environ = {**homes, "KUBECONFIG": "/dev/null"}
        return run([str(CACHE / "bin" / "helm"), *words, str(CHART), "--values", str(file)], env=environ)

    def objects(self, values: Json, *, release: str = "evallab", namespace: str = "evallab") -> list[Json]:
        """Return the objects that a release consists of, its tests included."""
        text = self.said("template", release, "--namespace", namespace, values=values)
        return [each for each in yaml.safe_load_all(text) if each]

    def refusal(self, values: Json) -> str:
        """Return why these values are refused."""
        try:
            self.objects(values)
        except Failed as error:
            return str(error)
        raise AssertionError(f"taken: {values}")


def one(objects: list[Json], kind: str, name: str = "") -> Json:
    """Return the one object of a kind, of that name if there are several."""
    found = [each for each in objects if each["kind"] == kind and name in {"", each["metadata"]["name"]}]
    assert len(found) == 1, (kind, name, [each["metadata"]["name"] for each in found])
    return found[0]


def names(objects: list[Json], *kinds: str) -> list[tuple[str, str, str]]:
    """Return kind, namespace and name of the objects of some kinds."""
    return [
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"])
        for each in objects
        if each["kind"] in kinds
    ]


def pods(objects: list[Json]) -> list[tuple[str, Json]]:
    """Return the name and the spec of every pod that these objects would make."""
    plain = [(each["metadata"]["name"], each["spec"]) for each in objects if each["kind"] == "Pod"]
    made = [
        (each["metadata"]["name"], each["spec"]["template"]["spec"])
        for each in objects
        if each["kind"] in {"Deployment", "StatefulSet", "Job", "DaemonSet"}
    ]
    return made + plain


def configuration(objects: list[Json], folder: Path) -> Path:
    """Write the ConfigMap as a pod of the server finds it, and return the directory."""
    deployment = next(each for each in objects if each["kind"] == "Deployment" and "server" in each["metadata"]["name"])
    volume = next(each for each in deployment["spec"]["template"]["spec"]["volumes"] if each["name"] == "config")
    data = one(objects, "ConfigMap", volume["configMap"]["name"])["data"]
    items = volume["configMap"]["items"]
    assert {each["key"] for each in items} == data.keys()
    for each in items:
        file = folder / each["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(data[each["key"]])
    return folder
