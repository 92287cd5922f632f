"""What operator and server may do is what their code does: verbs granted and verbs used are the same, neither more."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.chart import DATABASE, Helm, given, one

from evallab.kubeapi import interface
from evallab.kubeapi.interface import Kind

Json = dict[str, Any]
Rights = dict[str, set[str]]
SOURCE = Path(__file__).parents[2] / "operator" / "evallab"
OPERATOR, SERVER = ("controller", "runtimes/kubernetes"), ("server/cluster", "server/attempts")
VERBS = {name: name for name in ("get", "list", "create", "delete")} | {"replace": "update", "merge": "patch"}
KINDS = {name: value for name, value in vars(interface).items() if isinstance(value, Kind)}
MADE = ("CONFIG_MAP", "JOB", "NETWORK_POLICY", "SERVICE")
#: Calls whose kind is a variable: file and verb → what it can be.
VARIABLE = {
    ("creating.py", "create"): MADE,
    ("creating.py", "get"): MADE,
    ("creating.py", "list"): ("CONFIG_MAP", "NETWORK_POLICY"),
    ("creating.py", "delete"): ("CONFIG_MAP", "NETWORK_POLICY"),
    ("model_servers.py", "delete"): ("NETWORK_POLICY", "SERVICE"),
    ("operating.py", "list"): ("JOB", "POD"),
    ("parts.py", "list"): ("JOB", "POD"),
    ("reviews.py", "create"): ("ACCESS_REVIEW", "TOKEN_REVIEW"),
}
COUNTING = "figures.py"  #: passes everything on


@pytest.fixture
def helm(programs: None, tmp_path: Path) -> Helm:
    return Helm(tmp_path)


def resource(kind: str, subresource: str = "") -> str:
    """Name a resource as rules do here: evaljobs/status.evallab.dev."""
    found = KINDS[kind]
    return f"{found.plural}{'/' if subresource else ''}{subresource}.{found.group}".removesuffix(".")


def calls(file: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls of a port to the API server in a module, with the method's name."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            receiver = node.func.value
            name = receiver.attr if isinstance(receiver, ast.Attribute) else getattr(receiver, "id", "")
            if name in {"api", "_api"}:
                yield node.func.attr, node


def used(folders: tuple[str, ...]) -> Rights:
    """Return what the modules of some folders ask of an API server."""
    found: Rights = defaultdict(set)
    files = [file for folder in folders for file in sorted((SOURCE / folder).rglob("*.py")) if file.name != COUNTING]
    for file in files:
        for method, call in calls(file):
            if method in {"log", "follow_log"}:
                found["pods/log"].add("get")
            if method not in VERBS:
                continue
            kind = getattr(call.args[0], "id", "")
            below = [ast.literal_eval(word.value) for word in call.keywords if word.arg == "subresource"]
            for each in [kind] if kind in KINDS else VARIABLE[file.name, method]:
                found[resource(each, *below)].add(VERBS[method])
    return found


def watched() -> list[str]:
    """Return the kinds that kopf watches for the operator."""
    tree = ast.parse((SOURCE / "controller" / "host.py").read_text())
    loops = [node.iter for node in ast.walk(tree) if isinstance(node, ast.For)]
    named = {getattr(each, "id", "") for loop in loops if isinstance(loop, ast.Tuple) for each in loop.elts}
    return sorted(named & KINDS.keys())


def granted(*roles: Json) -> Rights:
    """Return what roles allow."""
    found: Rights = defaultdict(set)
    for role in roles:
        for rule in role["rules"]:
            for name in rule["resources"]:
                found[f"{name}.{rule['apiGroups'][0]}".removesuffix(".")] |= set(rule["verbs"])
    return found


def test_the_operator_may_do_what_it_does(helm: Helm) -> None:
    asked = used(OPERATOR)
    for kind in watched():
        asked[resource(kind)] |= {"list", "watch"}
    objects = helm.objects(given("demo"))  # with Kueue
    roles = one(objects, "ClusterRole", "evallab-evallab-operator"), one(objects, "Role", "evallab-operator-lease")
    assert granted(*roles) == asked


def test_the_server_may_do_what_it_does(helm: Helm) -> None:
    objects = helm.objects(DATABASE)
    roles = (one(objects, "ClusterRole", f"evallab-evallab-{name}") for name in ("server", "server-reviews"))
    assert granted(*roles) == used(SERVER)


def test_leases_but_its_own_are_not_the_operators(helm: Helm) -> None:
    rules = one(helm.objects(DATABASE), "Role", "evallab-operator-lease")["rules"]
    assert [(rule["verbs"], rule.get("resourceNames")) for rule in rules] == [
        (["create"], None),
        (["get", "update"], ["evallab-operator"]),
    ]


def test_without_kueue_its_objects_are_not_read(helm: Helm) -> None:
    assert "workloads.kueue.x-k8s.io" not in granted(
        one(helm.objects(DATABASE), "ClusterRole", "evallab-evallab-operator")
    )
