"""How a model server is started in its image: the same commands as on a computer, with the paths of a pod.

`bundled` weights are in the images of evallab themselves, so only their name is said. vLLM has an image of its own.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from evallab.api.errors import UsageError
from evallab.api.job import Serve
from evallab.modelserver.bundled import bundled
from evallab.modelserver.fingerprint import fingerprint
from evallab.modelserver.interface import ServerCommand, ServeRequest
from evallab.modelserver.registry import server
from evallab.planning.cluster.model_server import WEIGHTS_AT

PORT = 8000
HOST = "0.0.0.0"  # noqa: S104 - a pod's own address, behind its Service


def command(serve: Serve, served_name: str, *, scores_prompts: bool = True) -> ServerCommand:
    """Return how the server is started. Raises UsageError."""
    source = serve.source
    if serve.runtime == "vllm" and not (source and (source.hf or source.pvc)):
        raise UsageError(
            "The runtime 'vllm' serves weights of a hub or of a claim.", remedy="Set serve.source to hf or pvc."
        )
    request = ServeRequest(
        runtime=serve.runtime,
        version=serve.version,
        model=source.hf.repo_id if source and source.hf else None,
        revision=source.hf.revision if source and source.hf else None,
        args=serve.args,
        command=serve.command,
        health_path=serve.health_path,
        scores_prompts=scores_prompts,
        batch_invariant=bool(serve.batch_invariant),
    )
    return server(serve.runtime).command(
        request,
        served_name=served_name,
        port=serve.port or PORT,
        weights=_weights(serve),
        python="python",
        host=HOST,
    )


def _weights(serve: Serve) -> Path | None:
    source = serve.source
    if source is None:
        return None
    if source.bundled:
        return Path(f"bundled:{source.bundled}{bundled(source.bundled).suffix}")
    return Path(WEIGHTS_AT) if source.pvc else None


def identity(serve: Serve) -> dict[str, Any]:
    """Return what identifies the weights before any server says so: bundled ones are the same in every image."""
    source = serve.source
    if source is None:
        return {}
    if source.bundled:
        return {"fingerprint": asdict(fingerprint(bundled(source.bundled)))}
    return {"weights": source.model_dump(exclude_none=True)}
