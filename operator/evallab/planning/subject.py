"""What the checks look at: the job, every benchmark entry with its path, and facts about the machine."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from evallab.api.job import Benchmark, EvalJob
from evallab.planning.catalog_view import CatalogView


@dataclass(frozen=True)
class CheckFacts:
    """What a caller with eyes found out: which of `paths_to_check` exist, what is bundled with evallab, and how
    many GPUs there are.

    None means that nobody looked; the checks then say nothing about it.
    """

    existing_paths: frozenset[str] | None = None
    bundled_models: tuple[str, ...] | None = None
    bundled_data: tuple[str, ...] | None = None
    gpus: int | None = None


@dataclass(frozen=True)
class Subject:
    """A job that is checked. Paths are those of the v1alpha1 face."""

    job: EvalJob
    catalog: CatalogView
    facts: CheckFacts

    def entries(self) -> Iterator[tuple[str, Benchmark]]:
        """Yield every benchmark that the job itself writes down, overrides of a collection included."""
        yield from entries(self.job)


def entries(job: EvalJob) -> Iterator[tuple[str, Benchmark]]:
    """Yield every benchmark that the job itself writes down with its path."""
    for index, benchmark in enumerate(job.benchmarks):
        yield f"spec.benchmarks[{index}]", benchmark
    for index, benchmark in enumerate(job.collection.benchmarks if job.collection else ()):
        yield f"spec.collection.benchmarks[{index}]", benchmark


def guess(word: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, else which names there are."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1)
    return f'did you mean "{near[0]}"?' if near else f"known: {', '.join(names) or 'none'}"
