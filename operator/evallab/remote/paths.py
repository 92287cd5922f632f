"""The paths of the REST API that commands use."""

from urllib.parse import quote

JOBS = "/api/v1/evaluations/jobs"
REGRESSIONS = "/api/v1/evaluations/regressions"
HISTORY = "/api/v1/evaluations/history"


def job(job_id: str, *more: str) -> str:
    """Return the path of a job, or of something below it."""
    return "/".join((JOBS, *(quote(each, safe="") for each in (job_id, *more))))
