"""The texts of samples as the commands show them: what is left out is said on stderr. For `samples` and `diff`."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import click

from evallab.cli.errors import say
from evallab.reporting import texts
from evallab.settings import Settings
from evallab.store.artifacts import ArtifactFiles
from evallab.store.blobs import remote
from evallab.store.interface import Store

C = TypeVar("C", bound=Callable[..., Any])


def kept_files(settings: Settings) -> ArtifactFiles:
    """Return the files of this machine, and those that a cluster shares through a database of its own."""
    return ArtifactFiles(settings.artifacts_dir, remote(settings.database_url))


class Texts(texts.Texts):
    """Reads texts for a command."""

    def __init__(self, store: Store, files: ArtifactFiles, *, confidential: bool = False) -> None:
        """Take the store, the kept files, and whether confidential texts may be shown."""
        super().__init__(
            store,
            files,
            say=partial(say, lead="warning"),
            confidential=confidential,
            remedy="Add --confidential to show them.",
        )


def confidential_option(command: C) -> C:
    """Give a command `--confidential`."""
    text = "Show also the texts of confidential data (testDataRef.confidential)."
    return click.option("--confidential", is_flag=True, help=text)(command)
