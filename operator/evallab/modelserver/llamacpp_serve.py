"""`python -m evallab.modelserver.llamacpp_serve MODEL.gguf`: llama.cpp's server until SIGTERM (exit 0)."""

import argparse
import os
import signal
import sys
from typing import Any

from evallab.modelserver.bundled import located


def main(argv: list[str] | None = None) -> int:
    """Serve; return 2 when the file is not there and 1 when llama.cpp refuses it."""
    options = _parser().parse_args(argv)
    if not options.model.is_file():
        sys.stderr.write(f"{options.model} cannot be served: there is no such file\n")
        return 2
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # before llama.cpp's threads, which inherit it: sigwait gets them
    try:
        server = _start(options)
    except (RuntimeError, ValueError, OSError) as error:
        sys.stderr.write(f"{options.model} cannot be served: {error}\n")
        return 1
    sys.stdout.write(f"serving {options.model} as {options.name} on {server.listening_address}/v1\n")
    sys.stdout.flush()
    signal.sigwait(signals)
    sys.stdout.flush()
    os._exit(0)  # llama.cpp's own teardown waits for requests; whoever sends SIGTERM has no use for them


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evallab.modelserver.llamacpp_serve", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("model", type=located, help="a .gguf file, or bundled:NAME")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--name", help="the model name that clients use (default: the file's name)")
    parser.add_argument("--context", type=int, default=0, help="tokens per request (default: the model's own)")
    parser.add_argument("--parallel", type=int, default=4, help="requests at a time")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--gpu-layers", type=int, default=0, help="layers to put on a GPU (needs a build with one)")
    return parser


def _start(options: argparse.Namespace) -> Any:
    import xllamacpp

    options.name = options.name or options.model.stem
    params = xllamacpp.CommonParams()
    params.model.path = str(options.model)
    params.model_alias = {options.name}
    params.n_parallel = options.parallel
    params.n_ctx = options.context * options.parallel
    params.kv_unified = False
    params.n_gpu_layers = options.gpu_layers
    params.cpuparams.n_threads = options.threads
    params.hostnames = [options.host]
    params.port = options.port
    params.endpoint_metrics = True
    params.warmup = False
    return xllamacpp.Server(params)


if __name__ == "__main__":
    sys.exit(main())
