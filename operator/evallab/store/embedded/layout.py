"""Where the embedded Postgres keeps its things below `EVALLAB_HOME`.

One truth for paths, used by every module of this package. Nothing here touches the disk.
"""

import re
from dataclasses import dataclass
from pathlib import Path

# A unix socket address holds 107 bytes; Postgres appends "/.s.PGSQL.65535". Other characters would need quoting.
_SOCKET_DIRECTORY = re.compile(r"[\w./+-]{1,92}", re.ASCII)


@dataclass(frozen=True)
class Layout:
    """The paths of one embedded Postgres; `root` is `<home>/postgres`."""

    home: Path

    @classmethod
    def at(cls, home: Path) -> "Layout":
        """Resolve symbolic links, so that two names of one home are one server."""
        return cls(home=home.expanduser().resolve())

    @property
    def root(self) -> Path:
        """The directory that holds all of it."""
        return self.home / "postgres"

    @property
    def password(self) -> Path:
        """The superuser's password, one line."""
        return self.root / "password"

    @property
    def state(self) -> Path:
        """Who serves on which port; absent when nobody does."""
        return self.root / "state.json"

    @property
    def port(self) -> Path:
        """The last port, taken again when it is free, so that a URL somebody noted stays good."""
        return self.root / "port"

    @property
    def used(self) -> Path:
        """Touched by everyone who is about to connect."""
        return self.root / "used"

    @property
    def start_lock(self) -> Path:
        """Held by the one process that is starting a supervisor."""
        return self.root / "start.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the one supervisor as long as it lives; names it."""
        return self.root / "supervisor.lock"

    @property
    def log(self) -> Path:
        """The directory of both logs."""
        return self.root / "log"

    @property
    def server_log(self) -> Path:
        """What Postgres says."""
        return self.log / "postgres.log"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor says."""
        return self.log / "supervisor.log"

    @property
    def sockets(self) -> Path:
        """The unix socket's directory."""
        return self.root / "socket"

    @property
    def can_have_sockets(self) -> bool:
        """Whether that path is short and plain enough for a unix socket."""
        return _SOCKET_DIRECTORY.fullmatch(str(self.sockets)) is not None

    def data(self, major: int) -> Path:
        """Return the data directory of that major version."""
        return self.root / f"data-{major}"

    def copy(self, version: str) -> Path:
        """Return where the binaries of that package version are copied to, when they must be."""
        return self.root / version
