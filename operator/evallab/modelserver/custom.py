"""The runtime `custom`: any command that serves an OpenAI-compatible API on the port it is told."""

from dataclasses import dataclass
from pathlib import Path

from evallab.api.errors import UsageError
from evallab.modelserver.interface import ServerCommand, ServeRequest


@dataclass(frozen=True)
class Custom:
    """A user's own command, run by `sh -c` with PORT, HOST, NAME and MODEL in its environment."""

    name: str = "custom"

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
        """Fill `{port}` (also as `$PORT`) into `serve.command`; a braced word of any other name stays as it is."""
        del python
        if not (serve.command or "").strip():
            raise UsageError("The runtime 'custom' needs serve.command.", remedy="Set it to the command that serves.")
        if serve.args:
            raise UsageError("The runtime 'custom' takes no serve.args.", remedy="Write them into serve.command.")
        env = {"PORT": str(port), "HOST": host, "NAME": served_name, "MODEL": str(weights or serve.model or "")}
        return ServerCommand(
            argv=("sh", "-c", (serve.command or "").replace("{port}", str(port))),
            env=env,
            port=port,
            health_path=serve.health_path or "/health",
            served_name=served_name,
        )
