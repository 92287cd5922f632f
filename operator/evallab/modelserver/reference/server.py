"""The runtime `reference`: how the small exact engine of this package is started."""

from dataclasses import dataclass
from pathlib import Path

from evallab.modelserver.interface import OWNED_FLAGS, ServerCommand, ServeRequest, free_of, weights_required


@dataclass(frozen=True)
class Reference:
    """Starts `python -m evallab.modelserver.reference`."""

    name: str = "reference"

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
        """Serve a Hugging Face directory or a GGUF file; one BLAS thread keeps sums in one order."""
        model = weights_required(self.name, weights)
        module = ("-m", "evallab.modelserver.reference", str(model))
        where = ("--host", host, "--port", str(port), "--name", served_name)
        return ServerCommand(
            argv=(python, *module, *where, *free_of(self.name, serve.args, OWNED_FLAGS)),
            env={"OPENBLAS_NUM_THREADS": "1"},
            port=port,
            health_path=serve.health_path or "/health",
            served_name=served_name,
        )
