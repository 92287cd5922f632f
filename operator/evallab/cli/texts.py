"""The texts of samples as the commands show them: what is left out is said on stderr. For `samples` and `diff`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from evallab.cli.errors import say
from evallab.reporting import texts
from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import Store

C = TypeVar("C", bound=Callable[..., Any])


class Texts(texts.Texts):
    """Reads texts for a command."""

    def __init__(self, store: Store, root: Path, *, confidential: bool = False) -> None:
        """Take the store, the root of the artifacts, and whether confidential texts may be shown."""
        super().__init__(
            store,
            ArtifactFiles(root),
            say=partial(say, lead="warning"),
            confidential=confidential,
            remedy="Add --confidential to show them.",
        )


def confidential_option(command: C) -> C:
    """Give a command `--confidential`."""
    text = "Show also the texts of confidential data (testDataRef.confidential)."
    return click.option("--confidential", is_flag=True, help=text)(command)
