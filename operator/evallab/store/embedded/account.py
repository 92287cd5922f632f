"""Which account PostgreSQL runs as.

initdb and postgres refuse root. As root they run as `EVALLAB_POSTGRES_USER`, else as the owner of the data that is
there already, else as `postgres`, else as `nobody`; otherwise as whoever we are. Used by the supervisor and, before
anything is created, by `directories`.
"""

import errno
import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from evallab.api.errors import StoreUnavailable

SETTING = "EVALLAB_POSTGRES_USER"


@dataclass(frozen=True)
class Account:
    """An account of this machine; `dropped` when it is not our own and must be assumed."""

    name: str
    uid: int
    gid: int
    dropped: bool

    def permits(self, status: os.stat_result, wanted: int) -> bool:
        """Return whether the mode bits give this account `wanted` (4 read, 2 write, 1 enter or execute)."""
        if not self.dropped:
            return True
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return (stat.S_IMODE(status.st_mode) >> shift) & wanted == wanted

    def first_closed(self, directory: Path) -> Path | None:
        """Return the outermost existing directory on the way to `directory` that this account cannot enter."""
        way = [*reversed(directory.parents), directory]
        return next((step for step in way if step.is_dir() and not self.permits(step.stat(), 1)), None)

    def refused(self, error: OSError) -> Exception:
        """Explain that the system does not let root become this account; any other error as it is."""
        if not self.dropped or error.errno not in (errno.EPERM, errno.EINVAL):
            return error
        return StoreUnavailable(
            f"PostgreSQL refuses to run as root, and this root may not become {self.name} ({error.strerror}).",
            remedy="Run evallab as an ordinary user, allow the container to change users, "
            "or set EVALLAB_DATABASE_URL to a Postgres of your own.",
        )


def choose(data: Iterable[Path]) -> Account:
    """Return the account to run as; `data` are the data directories that exist.

    Raises StoreUnavailable when we are root and no unprivileged account can be found.
    """
    if os.geteuid() != 0:
        return Account(name=str(os.geteuid()), uid=os.geteuid(), gid=os.getegid(), dropped=False)
    wanted = os.environ.get(SETTING, "")
    names = [wanted] if wanted else [*_owners(data), "postgres", "nobody"]
    for name in names:
        found = _lookup(name)
        if found is not None:
            return found
    raise StoreUnavailable(
        f"PostgreSQL refuses to run as root, and there is no unprivileged account {' or '.join(names)}.",
        remedy=f"Set {SETTING} to an existing account that is not root, or EVALLAB_DATABASE_URL to another Postgres.",
    )


def _owners(data: Iterable[Path]) -> list[str]:
    # Data that "nobody" made stays nobody's, also after a package has created the account "postgres".
    known = {entry.pw_uid: entry.pw_name for entry in pwd.getpwall()}
    uids = {path.stat().st_uid for path in data}
    return sorted(known[uid] for uid in uids if uid in known)


def _lookup(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid, dropped=True) if entry.pw_uid else None
