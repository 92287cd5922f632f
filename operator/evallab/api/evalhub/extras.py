"""What EvalHub has no field for rides in `custom.evallab` of a REST job request; unknown fields in there are refused.

    custom: {evallab: {serve: {runtime: reference, source: {bundled: demo-f16}}, sampling: {temperature: 0}}}

Names are those of the internal model (`api.job`), in snake_case; defaults are left out.
"""

from typing import Any

from evallab.api import job as internal
from evallab.api.value import Value

KEY = "evallab"
MODEL_FIELDS = ("serve", "in_process", "lineage")


class Extras(Value):
    """The fields of an EvalJob that a JobRequest cannot say."""

    serve: internal.Serve | None = None
    in_process: internal.InProcess | None = None
    lineage: internal.Lineage | None = None
    sampling: internal.Sampling = internal.Sampling()
    compare: internal.Compare = internal.Compare()
    validity: internal.Validity = internal.Validity()
    canary: internal.CanaryPolicy | None = None
    code_execution: internal.CodeExecution | None = None
    network: internal.Network | None = None
    placement: internal.Placement = internal.Placement()
    priority: int = 0
    suspend: bool = False
    cancelled: bool = False
    timeout_seconds: int = 14_400
    pending_deadline_seconds: int = 86_400
    retries: int = 2
    ttl_seconds_after_finished: int | None = None


def of(job: internal.EvalJob) -> dict[str, Any]:
    """Return what EvalHub cannot say about `job`, defaults left out."""
    fields = {name: getattr(job, name) for name in Extras.model_fields if name not in MODEL_FIELDS}
    fields |= {name: getattr(job.model, name) for name in MODEL_FIELDS}
    return Extras(**fields).model_dump(mode="json", exclude_defaults=True)
