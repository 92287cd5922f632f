"""`python -m evallab.modelserver.reference MODEL`: loads a model, then serves it until SIGTERM (exit 0)."""

import argparse
import importlib.metadata
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uvicorn

_GRACE_S = 1  # what computes at SIGTERM may finish within it


def main(argv: list[str] | None = None) -> int:
    """Serve; return 2 when the model cannot be loaded."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: tiny matrices gain nothing from threads
    options = _parser().parse_args(argv)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: sys.exit(0))  # uvicorn raises the signal again when it has shut down
    from evallab.api.errors import NotFound
    from evallab.modelserver.bundled import located
    from evallab.modelserver.reference.checkpoint import UnsupportedModel

    try:
        options.model = located(options.model)
        server = _server(options)
    except (UnsupportedModel, NotFound, OSError, KeyError, ValueError) as error:
        sys.stderr.write(f"{options.model} cannot be served: {type(error).__name__}: {error}\n")
        return 2
    sys.stdout.write(f"{options.model} is loaded as {options.name}; opening http://{options.host}:{options.port}/v1\n")
    sys.stdout.flush()
    server.run()
    return 0 if server.started else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evallab.modelserver.reference", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("model", help="a Hugging Face directory or a .gguf file (Llama architecture), or bundled:NAME")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--name", help="the model name that clients use (default: the file's name)")
    parser.add_argument("--max-context", type=_positive, help="shorten the model's context to this many tokens")
    parser.add_argument("--request-timeout", type=float, default=300.0, help="seconds per request, waiting included")
    parser.add_argument("--max-body-bytes", type=_positive, default=8 << 20)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _version() -> str:
    try:
        return importlib.metadata.version("evallab")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree
        return "0"


def _server(options: argparse.Namespace) -> "uvicorn.Server":
    import uvicorn

    from evallab.modelserver.reference.app import Server
    from evallab.modelserver.reference.engine import Engine
    from evallab.modelserver.reference.service import Service
    from evallab.modelserver.reference.vocabulary import Vocabulary
    from evallab.modelserver.reference.weights import load
    from evallab.modelserver.reference.worker import Worker

    checkpoint = load(options.model)
    engine = Engine(checkpoint, options.max_context)
    options.name = options.name or options.model.stem
    service = Service(engine, Vocabulary(checkpoint, engine.vocabulary_size), options.name)
    server = Server(service, Worker(options.request_timeout), version=_version(), max_body_bytes=options.max_body_bytes)
    config = uvicorn.Config(
        server.app(),
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
        backlog=256,
        loop="asyncio",
        http="h11",
        ws="none",
    )
    return uvicorn.Server(config)


if __name__ == "__main__":
    sys.exit(main())
