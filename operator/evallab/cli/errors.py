"""What a user sees when something goes wrong: what, why, the remedy, on stderr, and the right exit code.

Called by `main` around everything. Only what evallab did not expect leaves a traceback: in a file, with a short line.
"""

import os
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from evallab.api.errors import EvallabError, InvalidManifest
from evallab.cli.exits import Exit, of_error
from evallab.settings import home


def guarded(command: Callable[[], object], *, environ: Mapping[str, str]) -> int:
    """Run a command and return its exit code: what it returned, or what its error means."""
    try:
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:
        return _without_reader()
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        return Exit.INTERRUPTED
    except click.ClickException as error:
        return _of_click(error)
    except EvallabError as error:
        show(error)
        return of_error(error)
    except Exception as error:  # noqa: BLE001 - the last resort: nothing may end in a bare traceback
        return _unexpected(error, environ)
    return code if isinstance(code, int) else Exit.FINE


def show(error: EvallabError) -> None:
    """Print an error of ours: one line per problem, then what can be done about it."""
    problems = error.message.splitlines() if isinstance(error, InvalidManifest) else [error.message]
    for problem in problems:
        say(problem, lead="error")
    if error.remedy:
        say(error.remedy, lead="hint")


def say(text: str, *, lead: str = "") -> None:
    """Print a line to stderr; "error" leads it in red, anything else in bold."""
    start = click.style(f"{lead}:", fg="red" if lead == "error" else None, bold=True) + " " if lead else ""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    click.echo(f"{start}{text}", err=True, color=False if plain else None)


def _of_click(error: click.ClickException) -> int:
    """Show click's own errors in our words; a missing command shows the help instead."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return Exit.USAGE
    say(error.format_message(), lead="error")
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        say(f"{context.get_usage().removeprefix('Usage: ')} (more: {context.command_path} --help)", lead="usage")
    return Exit.USAGE


def _unexpected(error: Exception, environ: Mapping[str, str]) -> int:
    say(f"evallab failed: {f'{type(error).__name__}: {error}'.splitlines()[0]}", lead="error")
    trace = "".join(traceback.format_exception(error))
    written = _keep(trace, home(environ) / "log")
    say(f"The traceback is in {written}; please report it." if written else trace, lead="hint")
    return Exit.INTERNAL


def _keep(trace: str, directory: Path) -> Path | None:
    """Write the traceback to a file; None when it cannot be written."""
    path = directory / f"error-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(trace, encoding="utf-8")
    except OSError:
        return None
    return path


def _without_reader() -> int:
    """The reader of our output went away (`evallab jobs | head`): say nothing, as other programs do."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.NO_READER
