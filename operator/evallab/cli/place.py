"""Where a command goes, and the settings it goes with: the decorator of every command that needs a home or a store.

The rule is fixed for users: `--local`, else EVALLAB_URL, else `--context NAME`, else here. This version goes nowhere
but here, so the other two are refused by name instead of being ignored.
"""

import logging
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from evallab.api.errors import UsageError
from evallab.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")


def placed(command: Callable[Concatenate[Settings, P], R]) -> Callable[..., R]:
    """Give a command `--local` and `--context`, and the settings as its first argument."""

    @click.option("--local", is_flag=True, help="Work on this machine, whatever EVALLAB_URL says.")
    @click.option("--context", metavar="NAME", hidden=True)
    @click.pass_context
    @wraps(command)
    def wrapped(ctx: click.Context, /, *args: Any, local: bool, context: str | None, **options: Any) -> R:
        # Logs are for servers; what a person must know, commands and errors say. Without a handler Python prints them.
        logging.getLogger("evallab").addHandler(logging.NullHandler())
        settings = settings_of(ctx)
        refuse_elsewhere(settings, local=local, context=context)
        return command(settings, *args, **options)

    return wrapped


def settings_of(ctx: click.Context) -> Settings:
    """Return the settings, read at the first call; tests bring their own as the context's object."""
    root = ctx.find_root()
    if root.obj is None:
        root.obj = Settings.read(os.environ)
    settings: Settings = root.obj
    return settings


def refuse_elsewhere(settings: Settings, *, local: bool, context: str | None) -> None:
    """Raise UsageError when the command was told to go to a server or a cluster."""
    if context is not None:
        raise UsageError("--context: this version of evallab does not reach clusters.", remedy="Use --local.")
    if settings.url and not local:
        remedy = "Add --local to work on this machine, or unset EVALLAB_URL."
        raise UsageError("EVALLAB_URL is set, and this version of evallab does not reach servers.", remedy=remedy)
