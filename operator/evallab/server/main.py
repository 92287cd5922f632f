"""`evallab-server` and `evallab serve`: flags as EvalHub's server takes them, then the configuration, then serving."""

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from evallab import __version__
from evallab.api.errors import EvallabError, UsageError
from evallab.server import config as configuration
from evallab.server import flags as command_line
from evallab.server.jsonlog import log_to_stderr
from evallab.settings import Settings

log = logging.getLogger("evallab.server")


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to end; return the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        flags = command_line.parse(arguments, os.environ)
        if flags.usage or flags.version:
            print(command_line.USAGE if flags.usage else f"evallab-server {__version__}")  # noqa: T201
            return 0
        log_to_stderr(os.environ.get("LOG_LEVEL", "INFO"))
        return run(flags, os.environ)
    except UsageError as error:
        print(f"evallab-server: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except EvallabError as error:
        print(f"evallab-server: {error}", file=sys.stderr)  # noqa: T201
        return 70


def run(flags: command_line.Flags, environ: Mapping[str, str]) -> int:
    """Serve as flags, configuration and environment say."""
    try:
        from evallab.local.background import take_over
        from evallab.server.serving import Serving, serve
    except ModuleNotFoundError as error:
        said = f"The server needs {error.name}, which is not installed."
        raise UsageError(said, remedy="Install it with its parts: pip install 'evallab[server]'.") from error

    config, notes = configuration.load(flags.config_dir, environ, flags=flags)
    for note in notes:
        log.info(note, extra={"action": "configure"})
    settings = Settings.read(environ)
    settings = replace(
        settings,
        config_dir=flags.config_dir or settings.config_dir,
        database_url=settings.database_url or config.database_url,
    )
    serving = Serving(settings=settings, config=config, turnstile=take_over(settings), strict=flags.strict)
    with asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(serve(serving))
    return 0


def _loop() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ImportError:  # pragma: no cover - an installation without the extra's wheels
        return None
    return uvloop.Loop


if __name__ == "__main__":
    sys.exit(main())
