"""The directories of one embedded Postgres: made with the right modes, or refused with the reason.

Called by `access` before anything is started, in the process that asked, so that the usual mistakes (a closed home,
somebody else's home) are reported at once.
"""

import os
from pathlib import Path

from evallab.api.errors import StoreUnavailable
from evallab.store.embedded.account import SETTING, Account, choose
from evallab.store.embedded.failure import ELSEWHERE, explained
from evallab.store.embedded.layout import Layout


def prepare(layout: Layout) -> None:
    """Make `<home>/postgres` and its log directory.

    Raises StoreUnavailable when they are not ours, cannot be written, or are closed to the account of Postgres.
    """
    with explained(f"Preparing {layout.root}"):
        account = choose(existing_data(layout))
        closed = account.first_closed(layout.root)
        if closed is not None:
            raise _closed(closed, account)
        # The other account must pass through what we create; it can list and read nothing there.
        _make(layout.root, 0o711 if account.dropped else 0o700)
        _refuse_foreign(layout.root)
        _make(layout.log, 0o700)


def existing_data(layout: Layout) -> list[Path]:
    """Return the data directories that are there, of any major version."""
    return sorted(layout.root.glob("data-*"))


def give(path: Path, account: Account) -> None:
    """Make `account` the owner of something we just created. Raises StoreUnavailable when we may not."""
    if account.dropped:
        try:
            os.chown(path, account.uid, account.gid)
        except OSError as error:
            raise account.refused(error) from error


def owned(path: Path, account: Account) -> Path:
    """Make a directory that only `account` can use, unless it is there."""
    if not path.is_dir():
        _make(path, 0o700)
        give(path, account)
    return path


def _make(path: Path, mode: int) -> None:
    missing = [step for step in (path, *path.parents) if not step.exists()]
    for step in reversed(missing):
        step.mkdir(mode=mode, exist_ok=True)
        step.chmod(mode)  # whatever the umask is


def _refuse_foreign(root: Path) -> None:
    owner = root.stat().st_uid
    if owner != os.geteuid():
        raise StoreUnavailable(
            f"{root} belongs to user id {owner}, and this process runs as user id {os.geteuid()}.",
            remedy=f"Run evallab as that user; or {ELSEWHERE}",
        )


def _closed(directory: Path, account: Account) -> StoreUnavailable:
    return StoreUnavailable(
        f"PostgreSQL refuses to run as root, and {account.name}, which it would run as, cannot enter {directory}.",
        remedy=f"Set EVALLAB_HOME to a directory that {account.name} can reach (such as /var/lib/evallab), "
        f"or {SETTING} to an account that can enter {directory}.",
    )
