"""Which model servers exist; the composition roots and the manifest checks ask here by name."""

from difflib import get_close_matches

from evallab.api.errors import UsageError
from evallab.modelserver.custom import Custom
from evallab.modelserver.interface import ModelServer
from evallab.modelserver.llamacpp import LlamaCpp
from evallab.modelserver.reference.server import Reference
from evallab.modelserver.vllm import Vllm

_SERVERS: tuple[ModelServer, ...] = (Reference(), LlamaCpp(), Vllm(), Custom())


def runtimes() -> tuple[str, ...]:
    """Return the names of every runtime, sorted."""
    return tuple(sorted(each.name for each in _SERVERS))


def server(runtime: str) -> ModelServer:
    """Return the model server called `runtime`."""
    for each in _SERVERS:
        if each.name == runtime:
            return each
    near = get_close_matches(runtime, runtimes(), n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known runtimes: {', '.join(runtimes())}."
    raise UsageError(f"There is no model server runtime {runtime!r}.", remedy=hint)
