"""`evallab-server` and `evallab serve`: flags as EvalHub's server takes them, then the configuration, then serving."""

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from evallab import __version__
from evallab.api.errors import EvallabError, UsageError
from evallab.server import config as configuration
from evallab.server import flags as command_line
from evallab.server.jsonlog import log_to_stderr
from evallab.settings import Settings

if TYPE_CHECKING:
    from evallab.server.serving import Opened

log = logging.getLogger("evallab.server")
NO_DATABASE = "A server in a cluster shares a Postgres with the operator, and none is named."
ON_THIS_COMPUTER = "to run benchmarks on this computer"


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
        from evallab.server.serving import serve
    except ModuleNotFoundError as error:
        raise _missing(error, "server") from error

    config, notes = configuration.load(flags.config_dir, environ, flags=flags)
    for note in notes:
        log.info(note, extra={"action": "configure"})
    settings = Settings.read(environ)
    settings = replace(
        settings,
        config_dir=flags.config_dir or settings.config_dir,
        database_url=settings.database_url or config.database_url,
    )
    opening = (_local if flags.local else _cluster)(settings, config)
    with asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(serve(config, opening))
    return 0


def _local(settings: Settings, config: configuration.ServerConfig) -> "AbstractAsyncContextManager[Opened]":
    """Return a server that runs jobs on this computer; whoever did so in the background lets go of them."""
    from evallab.local.background import take_over
    from evallab.server.local_serving import Serving, opened

    turnstile = take_over(settings)
    return opened(Serving(settings=settings, config=config, turnstile=turnstile, strict=config.strict))


def _cluster(settings: Settings, config: configuration.ServerConfig) -> "AbstractAsyncContextManager[Opened]":
    """Return one replica of a server that hands jobs to a cluster."""
    if settings.database_url is None:
        raise UsageError(NO_DATABASE, remedy=f"Set EVALLAB_DATABASE_URL, or start it with --local {ON_THIS_COMPUTER}.")
    try:
        from evallab.server.cluster.serving import Serving, opened
    except ModuleNotFoundError as error:
        raise _missing(error, "server,cluster") from error
    return opened(Serving(settings=settings, config=config, environ=os.environ))


def _missing(error: ModuleNotFoundError, extras: str) -> UsageError:
    said = f"The server needs {error.name}, which is not installed."
    return UsageError(said, remedy=f"Install it with its parts: pip install 'evallab[{extras}]'.")


def _loop() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ImportError:  # pragma: no cover - an installation without the extra's wheels
        return None
    return uvloop.Loop


if __name__ == "__main__":
    sys.exit(main())
