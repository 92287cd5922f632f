"""The CustomResourceDefinition of EvalJob, made from the models of this package. Pure.

`evallab crd` prints it; scripts/generate_crd.py writes `crds/` and the chart's copy.
"""

from typing import Any

from evallab.api.v1alpha1 import rules
from evallab.api.v1alpha1.manifest import API_VERSION, KIND, EvalJobSpec
from evallab.api.v1alpha1.schema import Json, structural, with_rules
from evallab.api.v1alpha1.status import EvalJobStatus

PLURAL = "evaljobs"
GROUP, _, VERSION = API_VERSION.partition("/")
NAME = f"{PLURAL}.{GROUP}"
SELECTABLE = (".spec.model.name", ".status.phase")


def crd() -> Json:
    """Return the CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": NAME},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": "evaljob",
                "shortNames": ["ej"],
                "categories": ["all", "evals"],
            },
            "scope": "Namespaced",
            "versions": [_version()],
        },
    }


def _version() -> Json:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "selectableFields": [{"jsonPath": path} for path in SELECTABLE],
        "additionalPrinterColumns": _columns(),
        "schema": {"openAPIV3Schema": _schema()},
    }


def _columns() -> list[Json]:
    """What `kubectl get` shows; the last two only with `-o wide`."""
    return [
        _column("Model", ".spec.model.name", "What scores are filed under."),
        _column("Phase", ".status.phase", "The state in one word."),
        _column("Score", ".status.score", "The job's score."),
        _column("Progress", ".status.progress", "Questions answered."),
        _column("Age", ".metadata.creationTimestamp", "Since the object was made.", kind="date"),
        _column("Reason", ".status.reason", "Why it is in this phase.", priority=1),
        _column("Job id", ".status.jobId", "The id for evallab show and the REST API.", priority=1),
    ]


def _column(name: str, path: str, description: str, *, kind: str = "string", priority: int = 0) -> Json:
    column: Json = {"name": name, "type": kind, "description": description, "jsonPath": path}
    return column | ({"priority": priority} if priority else {})


def _schema() -> Json:
    return {
        "type": "object",
        "description": "One model and what is measured of it.",
        "required": ["spec"],
        "x-kubernetes-validations": rules.on_object(),
        "properties": {
            "apiVersion": {"type": "string", "description": f"Always `{API_VERSION}`."},
            "kind": {"type": "string", "description": f"Always `{KIND}`."},
            "metadata": {"type": "object"},
            "spec": _spec(),
            "status": structural(EvalJobStatus),
        },
    }


def _spec() -> Json:
    spec = structural(EvalJobSpec)
    always = frozenset(spec["required"]) | {name for name, each in spec["properties"].items() if "default" in each}
    placed: dict[str, Any] = {
        "": rules.on_spec(tuple(spec["properties"]), always),
        "model": rules.on_model(),
        "model.serve.source": rules.on_weights(),
        "hardwareConfig": rules.on_hardware(),
        **{f"{each}.testDataRef": rules.on_data() for each in ("benchmarks[]", "collection.benchmarks[]")},
        **{f"{each}.hardwareConfig": rules.on_hardware() for each in ("benchmarks[]", "collection.benchmarks[]")},
    }
    for path, found in placed.items():
        spec = with_rules(spec, path, found)
    return spec
