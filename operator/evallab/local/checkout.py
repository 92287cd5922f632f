"""The git commit that evallab itself runs from, where it runs from a checkout. For `evallab version` and the server."""

import subprocess
from functools import cache
from pathlib import Path


@cache
def own_commit() -> str | None:
    """Return the commit of the checkout that this file lies in; None when evallab is installed."""
    return git_commit(Path(__file__).resolve().parents[3])


def git_commit(checkout: Path) -> str | None:
    """Return the commit of a checkout ("-dirty" when changed); None for a folder that is none."""
    if not (checkout / ".git").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip() or None
