"""The REST face of a job: snake_case, as lenient as EvalHub. `extras` says what rides in `custom.evallab`."""

from evallab.api.evalhub.conversion import from_job, to_body, to_job
from evallab.api.evalhub.request import JobRequest

__all__ = ["JobRequest", "from_job", "to_body", "to_job"]
