"""`evallab sidecar`: what runs beside an adapter in its pod. Nobody types it: pods are built with it."""

import asyncio
from pathlib import Path

import click

from evallab.sidecar import config

_FILE = click.Path(path_type=Path)


@click.command(hidden=True, short_help="Inside a pod: take an adapter's events, hand in what it leaves, ask its model.")
@click.option("--config", "config_file", type=_FILE, default=config.CONFIG, show_default=True,
              help="sidecar.json; job.json lies beside it.")  # fmt: skip
@click.option("--data", type=_FILE, default=config.DATA, show_default=True, help="What the adapter leaves.")
@click.option("--spool", type=_FILE, default=config.SPOOL, show_default=True, help="What waits for the server.")
@click.option("--token-file", type=_FILE, default=config.TOKEN, show_default=True, help="The attempt's token.")
@click.option("--secret-dir", type=_FILE, default=config.MODEL_SECRET, show_default=True,
              help="The model's credentials.")  # fmt: skip
@click.option("--port", type=int, default=config.PORT, show_default=True, help="For the adapter, on the loopback.")
@click.option("--health-port", type=int, default=config.HEALTH_PORT, show_default=True, help="For the kubelet.")
@click.option("--stream-seconds", type=float, default=config.STREAM_S, show_default=True,
              help="How often what was appended to the work files is sent.")  # fmt: skip
def sidecar(
    *,
    config_file: Path,
    data: Path,
    spool: Path,
    token_file: Path,
    secret_dir: Path,
    port: int,
    health_port: int,
    stream_seconds: float,
) -> int:
    """Inside a pod: take an adapter's events, hand in what it leaves, ask its model.

    Pods of EvalJobs run it beside the adapter. Ended by SIGTERM, it hands in what is left and seals the attempt.
    """
    import logging

    import uvloop

    from evallab.server.jsonlog import log_to_stderr
    from evallab.sidecar.beside import attend

    places = config.Places(
        config=config_file,
        data=data,
        spool=spool,
        token=token_file,
        model_secret=secret_dir,
        port=port,
        health_port=health_port,
        stream_s=stream_seconds,
    )
    log_to_stderr("INFO")
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # answers that broke off are told by the proxy
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(attend(places))
