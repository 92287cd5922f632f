"""`evallab init`: what runs before an adapter in its pod. Nobody types it: pods are built with it."""

import os
from pathlib import Path

import click

from evallab.initializer import config

_FILE = click.Path(path_type=Path)


@click.command(
    "init", hidden=True, short_help="Inside a pod: put test data and earlier work where an adapter reads them."
)
@click.option("--config", "config_file", type=_FILE, default=config.CONFIG, show_default=True,
              help="init.json; job.json lies beside it.")  # fmt: skip
@click.option("--meta", type=_FILE, default=config.META, show_default=True, help="Where the adapter reads job.json.")
@click.option("--data", type=_FILE, default=config.DATA, show_default=True, help="Where the adapter works.")
@click.option("--test-data", type=_FILE, default=config.TEST_DATA, show_default=True, help="Where the data goes.")
@click.option("--token-file", type=_FILE, default=config.TOKEN, show_default=True, help="The attempt's token.")
@click.option("--secret-dir", type=_FILE, default=config.SECRET, show_default=True, help="The source's credentials.")
@click.option("--termination-log", type=_FILE, default=config.TERMINATION_LOG, show_default=True,
              help="Where the reason of a failure goes, as JSON.")  # fmt: skip
def init(
    *,
    config_file: Path,
    meta: Path,
    data: Path,
    test_data: Path,
    token_file: Path,
    secret_dir: Path,
    termination_log: Path,
) -> int:
    """Inside a pod: put test data and earlier work where an adapter reads them.

    Pods of EvalJobs run it before the adapter. It can be run again: it ends the same.
    """
    from evallab.initializer.preparing import prepare
    from evallab.server.jsonlog import log_to_stderr

    log_to_stderr("INFO")
    places = config.Places(
        config=config_file,
        meta=meta,
        data=data,
        test_data=test_data,
        token=token_file,
        secret=secret_dir,
        termination_log=termination_log,
    )
    return prepare(places, os.environ)
