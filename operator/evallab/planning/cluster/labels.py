"""Labels and annotations of everything that evallab makes in a cluster, in one place.

Labels hold what is selected by, in the alphabet that labels have; annotations hold ids as they are. The watches of the
controller select by `MANAGED`, NetworkPolicies and the Service of a model server by the others.
"""

import re
from collections.abc import Mapping
from typing import Any

from evallab.planning.cluster import names
from evallab.planning.cluster.plan import AttemptPlan, Owner, ServerPlan

Json = dict[str, Any]
MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED = f"{MANAGED_BY}=evallab"  #: the selector of everything that is ours
PREFIX = "evallab.dev/"
JOB, ATTEMPT, INDEX, ROLE = f"{PREFIX}job", f"{PREFIX}attempt", f"{PREFIX}benchmark-index", f"{PREFIX}role"
ATTEMPT_ROLE, SERVER_ROLE = "attempt", "model-server"
EVALJOB, PROVIDER, BENCHMARK = f"{PREFIX}evaljob", f"{PREFIX}provider-id", f"{PREFIX}benchmark-id"
ATTEMPT_ID, NUMBER, MODEL, START = f"{PREFIX}attempt-id", f"{PREFIX}attempt-number", f"{PREFIX}model", f"{PREFIX}start"
QUEUE = "kueue.x-k8s.io/queue-name"
_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def value(raw: str) -> str:
    """Return a label value for any text: the text itself where it can be one, else readable with a hash."""
    return raw if _VALUE.fullmatch(raw) else f"{names.slug(raw, most=40)}-{names.digest(raw)}"


def of_attempt(plan: AttemptPlan) -> dict[str, str]:
    """Return the labels of an attempt's objects and of its pod."""
    return {
        **_of_job(plan.owner),
        ROLE: ATTEMPT_ROLE,
        ATTEMPT: value(plan.attempt_id),
        INDEX: str(plan.index),
    }


def of_server(plan: ServerPlan) -> dict[str, str]:
    """Return the labels of a model server's objects and of its pod."""
    return server_selector(plan.owner)


def server_selector(owner: Owner) -> dict[str, str]:
    """Return the labels that select the model server of a job."""
    return {**_of_job(owner), ROLE: SERVER_ROLE}


def notes_of_attempt(plan: AttemptPlan) -> dict[str, str]:
    """Return the annotations of an attempt's objects: ids as they are."""
    return {
        EVALJOB: plan.owner.name,
        ATTEMPT_ID: plan.attempt_id,
        NUMBER: str(plan.number),
        PROVIDER: plan.benchmark.provider_id,
        BENCHMARK: plan.benchmark.id,
        MODEL: plan.job.model.name,
    }


def notes_of_server(plan: ServerPlan) -> dict[str, str]:
    """Return the annotations of a model server's objects."""
    return {EVALJOB: plan.owner.name, MODEL: plan.job.model.name, START: str(plan.start)}


def selector(labels: Mapping[str, str]) -> str:
    """Return labels as a selector for list and watch."""
    return ",".join(f"{name}={said}" for name, said in labels.items())


def of_job(job_id: str) -> str:
    """Return the selector of everything that belongs to a job."""
    return selector({MANAGED_BY: "evallab", JOB: value(job_id)})


def get(body: Json, label: str) -> str:
    """Return a label of an object, "" when it has none."""
    return str((body.get("metadata", {}).get("labels") or {}).get(label, ""))


def note(body: Json, annotation: str) -> str:
    """Return an annotation of an object, "" when it has none."""
    return str((body.get("metadata", {}).get("annotations") or {}).get(annotation, ""))


def _of_job(owner: Owner) -> dict[str, str]:
    return {MANAGED_BY: "evallab", JOB: value(owner.uid)}
