"""May a harness load the model of this job itself? One of the checks that `refusals` lists. Pure.

Only lm-eval does, by its own back ends `hf` and `vllm`, and only on one computer.
"""

from collections.abc import Iterator
from typing import Any

from evallab.api.job import EvalJob, InProcess
from evallab.api.secrecy import hidden
from evallab.planning.subject import Subject, guess

BACKENDS = ("hf", "vllm")
LOADER = "lm_evaluation_harness"
_WHERE = "spec.model.inProcess"


def loadable_in_process(subject: Subject) -> Iterator[str]:
    """The back end exists, knows what to load, and every benchmark is of the harness that has it."""
    asked = subject.job.model.in_process
    if asked is None:
        return
    if asked.backend not in BACKENDS:
        yield f'{_WHERE}.backend: there is no "{asked.backend}"; {guess(asked.backend, BACKENDS)}'
    yield from _parameters(asked)
    for where, benchmark in subject.entries():
        if benchmark.provider_id != LOADER:
            yield f"{where}.providerId: {benchmark.provider_id} asks an endpoint and loads no model; use serve or url"


def _parameters(asked: InProcess) -> Iterator[str]:
    where, pretrained, revision = f"{_WHERE}.parameters", asked.args.get("pretrained"), asked.args.get("revision")
    if not isinstance(pretrained, str) or not pretrained:
        yield f"{where}.pretrained: is required: a repository of a hub, or a path that begins with ./ or /"
    elif is_path(pretrained) and revision is not None:
        yield f"{where}.revision: is for a repository of a hub; a directory has none, remove it"
    if not isinstance(revision, str | None):
        yield f"{where}.revision: must be text, best a commit"
    if hidden(dict(asked.args)) != dict(asked.args):
        yield f"{where}: must not hold a key; put it where Hugging Face's own libraries look for it (hf auth login)"


def is_path(pretrained: str) -> bool:
    """Say whether weights are named by a path of this machine; everything else is a repository of a hub."""
    return pretrained.startswith(("/", "./", "../", "~/"))


def path_of(job: EvalJob) -> str | None:
    """Return the path that a job's own model is to be loaded from, if it names one."""
    pretrained = job.model.in_process.args.get("pretrained") if job.model.in_process else None
    return pretrained if isinstance(pretrained, str) and is_path(pretrained) else None


def devices(args: dict[str, Any]) -> int:
    """Return how many GPUs a back end with these parameters uses where there are any."""
    if str(args.get("device", "")).startswith(("cpu", "mps")):
        return 0
    count = args.get("tensor_parallel_size")
    return count if isinstance(count, int) and count > 0 else 1
