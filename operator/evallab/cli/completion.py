"""`evallab completion`: click's completion script, and where to put it."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_EVALLAB_COMPLETE"


@click.command(short_help="Print the completion script for a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash   evallab completion bash > ~/.local/share/bash-completion/completions/evallab
    zsh    evallab completion zsh > a directory of your $fpath, as _evallab
    fish   evallab completion fish > ~/.config/fish/completions/evallab.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(found(ctx.find_root().command, {}, "evallab", VARIABLE).source())
