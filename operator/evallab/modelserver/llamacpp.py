"""The runtime `llamacpp`: llama.cpp's own server on a GGUF file, for generation and chat (it ignores `echo`)."""

from dataclasses import dataclass
from pathlib import Path

from evallab.api.errors import UsageError
from evallab.modelserver.interface import OWNED_FLAGS, ServerCommand, ServeRequest, free_of, weights_required


@dataclass(frozen=True)
class LlamaCpp:
    """Starts `python -m evallab.modelserver.llamacpp_serve`."""

    name: str = "llamacpp"

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
        """Serve one GGUF file under `served_name`."""
        model = weights_required(self.name, weights)
        if model.suffix != ".gguf":
            raise UsageError(
                f"The runtime 'llamacpp' serves GGUF files; {model.name!r} is not one.",
                remedy="Convert the model to GGUF, or use another runtime.",
            )
        module = ("-m", "evallab.modelserver.llamacpp_serve", str(model))
        where = ("--host", host, "--port", str(port), "--name", served_name)
        return ServerCommand(
            argv=(python, *module, *where, *free_of(self.name, serve.args, OWNED_FLAGS)),
            env={},
            port=port,
            health_path=serve.health_path or "/health",
            served_name=served_name,
        )
