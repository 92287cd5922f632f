"""Every setting that comes from outside, read once, at the edge, into one frozen value (docs/reference/environment.md).

Called by `cli.place` for each command and by `local.python`; nothing else reads the environment.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evallab.api.errors import InvalidManifest, UsageError

VARIABLES = (
    "EVALLAB_HOME",
    "EVALLAB_JOBS_DIR",
    "EVALLAB_CONFIG_DIR",
    "EVALLAB_DATABASE_URL",
    "EVALLAB_GPU_LOCKS_DIR",
    "EVALLAB_OFFLINE",
    "EVALLAB_URL",
    "NO_COLOR",
)
CONFIG_FILE = "config.yaml"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where things are. `database_url` None means the embedded Postgres; `url` is a server to send commands to."""

    home: Path
    jobs_dir: Path
    config_dir: Path
    gpu_locks_dir: Path = Path("/tmp/evallab-gpus")  # noqa: S108 - shared by all users; links are not followed
    database_url: str | None = None
    url: str | None = None
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
    """Return `database.url` of the configuration file; a file that is not there says nothing."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidManifest([f"cannot be read: {error}"], file=str(file)) from error
    return _database_url(_parsed(text, file), file)


def _parsed(text: str, file: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise InvalidManifest([f"is not YAML: {error}"], file=str(file)) from error
    if not isinstance(content, dict) or content.keys() - {"database"}:
        raise InvalidManifest(["the only field known is `database`."], file=str(file))
    return content


def _database_url(content: dict[str, Any], file: Path) -> str | None:
    database = content.get("database") or {}
    url = database.get("url") if isinstance(database, dict) and not database.keys() - {"url"} else 0
    if url is not None and not isinstance(url, str):
        raise InvalidManifest(["database: the only field known is `url`, a text."], file=str(file))
    return url
