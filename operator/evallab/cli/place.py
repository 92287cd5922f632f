"""Where a command goes, and the settings it goes with: the decorators of every command that needs a home or a store.

The rule is fixed for users: `--local`, else EVALLAB_URL, else `--context NAME`, else here; never the kube context that
happens to be current. Commands about jobs go `anywhere`; the others are `placed` here, and refuse what leads elsewhere
by name instead of ignoring it.
"""

import logging
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from evallab.api.errors import UsageError
from evallab.remote.target import Target
from evallab.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

local_option = click.option("--local", is_flag=True, help="Work on this machine, whatever EVALLAB_URL says.")
context_option = click.option(
    "--context", metavar="NAME", help="Work in the cluster of this kube context, where evallab is installed."
)
namespace_option = click.option(
    "--namespace", metavar="NAME", help="The namespace of the jobs there (else EVALLAB_TENANT, the context's)."
)


def placed(command: Callable[Concatenate[Settings, P], R]) -> Callable[..., R]:
    """Give a command of this machine `--local`, and the settings as its first argument."""

    @local_option
    @click.option("--context", metavar="NAME", hidden=True)
    @click.pass_context
    @wraps(command)
    def wrapped(ctx: click.Context, /, *args: Any, local: bool, context: str | None, **options: Any) -> R:
        settings = begun(ctx)
        refuse_elsewhere(settings, str(ctx.info_name), local=local, context=context)
        return command(settings, *args, **options)

    return wrapped


def anywhere(command: Callable[Concatenate[Settings, Target | None, P], R]) -> Callable[..., R]:
    """Give a command the options that say where it goes; its arguments begin with the settings and the target.

    The target is None for this machine.
    """

    @local_option
    @context_option
    @namespace_option
    @click.pass_context
    @wraps(command)
    def wrapped(
        ctx: click.Context, /, *args: Any, local: bool, context: str | None, namespace: str | None, **options: Any
    ) -> R:
        settings = begun(ctx)
        return command(settings, target(settings, local=local, context=context, namespace=namespace), *args, **options)

    return wrapped


def begun(ctx: click.Context) -> Settings:
    """Return the settings. Logs are for servers; what a person must know, commands and errors say."""
    logging.getLogger("evallab").addHandler(logging.NullHandler())  # without a handler Python prints them
    return settings_of(ctx)


def settings_of(ctx: click.Context) -> Settings:
    """Return the settings, read at the first call; tests bring their own as the context's object."""
    root = ctx.find_root()
    if root.obj is None:
        root.obj = Settings.read(os.environ)
    settings: Settings = root.obj
    return settings


def target(settings: Settings, *, local: bool, context: str | None, namespace: str | None) -> Target | None:
    """Return where a command goes, None for here. Raises UsageError where two answers exclude each other."""
    if local and (context or namespace):
        raise UsageError(f"--local and --{'context' if context else 'namespace'} exclude each other.")
    if settings.url and context and not local:
        raise UsageError(
            "EVALLAB_URL and --context both say where to go.", remedy="Leave out --context, or unset EVALLAB_URL."
        )
    if local or not (settings.url or context):
        if namespace:
            raise UsageError("--namespace is of a cluster.", remedy="Add --context NAME, or set EVALLAB_URL.")
        return None
    return Target(
        url=settings.url,
        context=context,
        service=settings.service,
        token=settings.token,
        tenant=namespace or settings.tenant,
    )


def refuse_elsewhere(settings: Settings, command: str, *, local: bool, context: str | None) -> None:
    """Raise UsageError when a command of this machine was told to go to a server or a cluster."""
    if context is not None:
        raise UsageError(
            f"--context: `evallab {command}` does not reach clusters.", remedy="Use --local, or the server's REST API."
        )
    if settings.url and not local:
        remedy = "Add --local to work on this machine, or unset EVALLAB_URL."
        raise UsageError(f"EVALLAB_URL is set, and `evallab {command}` does not reach servers.", remedy=remedy)
