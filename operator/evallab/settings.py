"""Every setting that comes from outside, read once, at the edge, into one frozen value (docs/reference/environment.md).

Called by `cli.place` for each command, by `local.python` and by the server, which reads its own settings in
`server.config`; nothing else reads the environment. `config.yaml` may be EvalHub's: only its `database` counts here.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from evallab.api.errors import InvalidManifest, UsageError

VARIABLES = (
    "EVALLAB_HOME",
    "EVALLAB_JOBS_DIR",
    "EVALLAB_CONFIG_DIR",
    "EVALLAB_DATABASE_URL",
    "EVALLAB_GPU_LOCKS_DIR",
    "EVALLAB_OFFLINE",
    "EVALLAB_URL",
    "EVALLAB_TOKEN",
    "EVALLAB_TENANT",
    "EVALLAB_SERVICE",
    "NO_COLOR",
)
CONFIG_FILE = "config.yaml"
DATABASE_FIELDS = ("driver", "url", "password", "max_open_conns", "max_idle_conns", "conn_max_lifetime")
POSTGRES, SQLITE = ("pgx", "postgres", "postgresql"), ("sqlite", "sqlite3")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where things are. `database_url` None means the embedded Postgres; `url` is a server to send commands to.

    `token` and `tenant` are shown to that server; `service` (namespace/name) is where clusters have theirs.
    """

    home: Path
    jobs_dir: Path
    config_dir: Path
    gpu_locks_dir: Path = Path("/tmp/evallab-gpus")  # noqa: S108 - shared by all users; links are not followed
    database_url: str | None = None
    url: str | None = None
    token: str | None = None
    tenant: str | None = None
    service: str = "evallab/evallab"
    no_color: bool = False
    offline: bool = False

    @property
    def datasets_dir(self) -> Path:
        """Where snapshots of test data are kept."""
        return self.home / "datasets"

    @property
    def artifacts_dir(self) -> Path:
        """Where texts and logs are kept."""
        return self.home / "artifacts"

    @property
    def catalog_dir(self) -> Path | None:
        """The configuration directory when it is there."""
        return self.config_dir if self.config_dir.is_dir() else None

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the environment and the configuration file. Raises InvalidManifest for a file that makes no sense."""
        config_dir = _config_dir(environ)
        return cls(
            home=home(environ),
            jobs_dir=Path(environ.get("EVALLAB_JOBS_DIR") or "/tmp/evalhub-jobs"),  # noqa: S108 - where EvalHub's users look
            config_dir=config_dir,
            gpu_locks_dir=Path(environ.get("EVALLAB_GPU_LOCKS_DIR") or cls.gpu_locks_dir),
            database_url=environ.get("EVALLAB_DATABASE_URL") or _configured_database(config_dir / CONFIG_FILE),
            url=environ.get("EVALLAB_URL") or None,
            token=environ.get("EVALLAB_TOKEN") or None,
            tenant=environ.get("EVALLAB_TENANT") or None,
            service=environ.get("EVALLAB_SERVICE") or cls.service,
            offline=environ.get("EVALLAB_OFFLINE", "") not in {"", "0", "false", "no"},
            no_color=bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb",
        )


def home(environ: Mapping[str, str]) -> Path:
    """Return where evallab keeps its data: EVALLAB_HOME, root's /var/lib/evallab, or below the XDG state directory."""
    if environ.get("EVALLAB_HOME"):
        return Path(environ["EVALLAB_HOME"]).expanduser().absolute()
    if environ.get("XDG_STATE_HOME"):
        return Path(environ["XDG_STATE_HOME"]) / "evallab"
    return Path("/var/lib/evallab") if os.geteuid() == 0 else _user(environ) / ".local" / "state" / "evallab"


def _config_dir(environ: Mapping[str, str]) -> Path:
    if environ.get("EVALLAB_CONFIG_DIR"):
        named = Path(environ["EVALLAB_CONFIG_DIR"]).expanduser().absolute()
        if not named.is_dir():
            raise UsageError(f"EVALLAB_CONFIG_DIR names {named}, which is not a directory.")
        return named
    if environ.get("XDG_CONFIG_HOME"):
        return Path(environ["XDG_CONFIG_HOME"]) / "evallab"
    return Path("/etc/evallab") if os.geteuid() == 0 else _user(environ) / ".config" / "evallab"


def _user(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or Path.home())


def _configured_database(file: Path) -> str | None:
    """Return the Postgres that the configuration file names; a file that is not there says nothing."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidManifest([f"cannot be read: {error}"], file=str(file)) from error
    database = _parsed(text, file).get("database") or {}
    if not isinstance(database, dict) or _misspelt(database, DATABASE_FIELDS):
        known = ", ".join(DATABASE_FIELDS)
        raise InvalidManifest([f"database: must be a mapping of fields; those known are {known}."], file=str(file))
    try:
        return postgres_url(database)
    except ValueError as error:
        raise InvalidManifest([f"database: {error}."], file=str(file)) from None


def _parsed(text: str, file: Path) -> dict[str, Any]:
    """Return what the file says. Blocks that belong to the server are not looked at; a misspelt `database` is."""
    import yaml

    try:
        content = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise InvalidManifest([f"is not YAML: {error}"], file=str(file)) from error
    if not isinstance(content, dict):
        raise InvalidManifest(["must be a mapping of fields."], file=str(file))
    if wrong := _misspelt(content, ("database",)):
        raise InvalidManifest([f"{wrong[0]}: unknown field; did you mean `database`?"], file=str(file))
    return content


def _misspelt(names: Iterable[object], known: tuple[str, ...]) -> list[str]:
    """Return the names that nobody knows and that resemble a known one; further names are somebody else's."""
    others = [str(name) for name in names if str(name) not in known]
    return [name for name in others if get_close_matches(name, known, n=1, cutoff=0.65)]


def postgres_url(database: Mapping[str, Any]) -> str | None:
    """Return the URL of the Postgres that a `database` block names, EvalHub's included; None is the embedded one.

    Raises ValueError with a sentence. The server calls it too (`server.config`).
    """
    driver, url, password = (database.get(name) for name in DATABASE_FIELDS[:3])
    if not all(each is None or isinstance(each, str) for each in (driver, url, password)):
        raise ValueError("driver, url and password must be texts")
    if driver not in {None, *SQLITE, *POSTGRES}:
        raise ValueError(f"driver must be one of {', '.join((*POSTGRES, *SQLITE))}; found {driver!r}")
    if driver in POSTGRES and not url:
        raise ValueError(f"url is required for the driver {driver}: postgresql://user@host/db")
    if not url or driver in SQLITE or (driver is None and url.startswith(("file:", ":memory:"))):
        return None
    return _with_password(url, password)


def _with_password(url: str, password: str | None) -> str:
    """Put a password that is kept apart into the URL, unless one stands there."""
    parts = urlsplit(url)
    if not password or not parts.scheme or parts.password is not None:
        return url
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}" if at else parts.netloc).geturl()
