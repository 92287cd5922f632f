"""Whose texts must not be shown: the one rule that commands, exports and adapters ask. Pure."""

from evallab.api.job import EvalJob


def is_confidential(job: EvalJob, index: int) -> bool:
    """Say whether the prompts, targets and answers of a benchmark are confidential (`testDataRef.confidential`)."""
    if not 0 <= index < len(job.benchmarks):
        return False
    data = job.benchmarks[index].test_data
    return data is not None and data.confidential
