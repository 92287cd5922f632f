"""What a job's benchmarks ask of the model server, as far as providers say it. Pure; vLLM's arguments depend on it."""

from collections.abc import Mapping

from evallab.api.job import EvalJob
from evallab.api.provider import Provider

GENERATION = "generation"  #: a tag of benchmarks that ask for texts only


def scores_prompts(job: EvalJob, providers: Mapping[str, Provider]) -> bool:
    """Tell whether a benchmark asks, or may ask, how likely its prompts are (log-likelihood suites).

    Only what a provider describes with the tag `generation` is known not to.
    """
    for each in job.benchmarks:
        provider = providers.get(each.provider_id)
        described = provider.benchmark(each.id) if provider else None
        if described is None or GENERATION not in described.tags:
            return True
    return not job.benchmarks
