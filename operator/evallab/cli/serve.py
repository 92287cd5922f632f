"""`evallab serve`: EvalHub's REST API; the same server as `evallab-server`."""

import click

_RAW = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


@click.command(context_settings=_RAW, short_help="Serve EvalHub's REST API on this computer.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> int:
    """Serve EvalHub's REST API on this computer.

    The same as evallab-server, with the same flags: evallab serve --help.
    """
    from evallab.server.main import main

    return main(arguments or ("--local",))
