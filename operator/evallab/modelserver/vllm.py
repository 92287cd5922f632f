"""The runtime `vllm`: one pure function from the settings to the command, the same on a workstation and in a cluster.

Nothing of vLLM is imported here: it lives in an environment of its own (`environments`), or in an image.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evallab.api.errors import UsageError
from evallab.modelserver.interface import OWNED_FLAGS, ServerCommand, ServeRequest, free_of, weights_required

OWNED: Mapping[str, str] = {
    "--host": OWNED_FLAGS["--host"],
    "--port": OWNED_FLAGS["--port"],
    "--uds": OWNED_FLAGS["--host"],
    "--served-model-name": "model.name",
    "--model": "serve.source",
    "--revision": "serve.source.hf.revision",
    "--api-key": "nothing: the server is reached by this job alone",
}
QUIET: Mapping[str, str] = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
PASSED = ("VLLM_", "NCCL_", "TORCHDYNAMO_", "TORCHINDUCTOR_", "TRITON_")
READY_S = 1200.0  #: weights are read, graphs compiled and captured: minutes for large models
_CACHING, _NO_CACHING = "--enable-prefix-caching", "--no-enable-prefix-caching"


@dataclass(frozen=True)
class Vllm:
    """Starts `vllm serve` of the environment that `python` belongs to."""

    name: str = "vllm"

    def command(
        self,
        serve: ServeRequest,
        *,
        served_name: str,
        port: int,
        weights: Path | None,
        python: str,
        host: str = "127.0.0.1",
    ) -> ServerCommand:
        """Serve a Hugging Face directory, a GGUF file, or a repository that vLLM fetches itself (in a cluster)."""
        model = serve.model if weights is None and serve.model else str(weights_required(self.name, weights))
        flags = tuple(_dashed(arg) for arg in serve.args)
        free_of(self.name, flags, OWNED)
        where = ("--host", host, "--port", str(port), "--served-model-name", served_name)
        argv = (_program(python), "serve", model, *_revision(serve, weights), *where, *_own(serve, flags), *serve.args)
        return ServerCommand(
            argv=argv,
            env={**QUIET, **({"VLLM_BATCH_INVARIANT": "1"} if serve.batch_invariant else {})},
            port=port,
            health_path=serve.health_path or "/health",
            served_name=served_name,
            ready_s=READY_S,
            dies_unhealthy=True,
            passes=PASSED,
        )


def _program(python: str) -> str:
    """Return the command that lies beside an interpreter; a bare name is looked up on PATH, as images want it."""
    return str(Path(python).with_name("vllm"))


def _revision(serve: ServeRequest, weights: Path | None) -> Iterator[str]:
    if weights is None and serve.revision:
        yield from ("--revision", serve.revision)


def _own(serve: ServeRequest, flags: tuple[str, ...]) -> Iterator[str]:
    """Yield what evallab says unless the user does: a tokenizer to look at, a fixed seed, and the prefix cache.

    With the prefix cache, log-probabilities of prompts were stale, depending on the order of requests (vLLM #42019).
    """
    given = {flag.partition("=")[0] for flag in flags}
    yield "--enable-tokenizer-info-endpoint"
    if "--seed" not in given:
        yield from ("--seed", "0")
    if not serve.scores_prompts:
        return
    if _CACHING in given:
        raise UsageError(
            f"serve.args of the runtime 'vllm' must not hold {_CACHING}: benchmarks of this job score prompts, or may.",
            remedy="Remove it; with the prefix cache log-likelihoods can be wrong.",
        )
    if _NO_CACHING not in given:
        yield _NO_CACHING


def _dashed(arg: str) -> str:
    """Return an argument as vLLM reads it: underscores in flags are dashes."""
    flag, equals, value = arg.partition("=")
    return f"{flag.replace('_', '-')}{equals}{value}" if arg.startswith("--") else arg
