"""What the init container is told, and where things lie in the pod."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import AliasChoices, Field, ValidationError

from evallab.api.contract import Wire
from evallab.api.errors import UsageError
from evallab.api.job import TestData

CONFIG = Path("/etc/evallab/init.json")
META, DATA, TEST_DATA = Path("/meta"), Path("/data"), Path("/test_data")
TOKEN = Path("/var/run/secrets/evallab/token")
SECRET = Path("/var/run/secrets/test-data")
TERMINATION_LOG = Path("/dev/termination-log")
DEFAULT_TIMEOUT_S = 600.0


class InitConfig(Wire):
    """`init.json`. `restore`: an earlier attempt left work to go on from."""

    source: TestData | None = Field(default=None, validation_alias=AliasChoices("source", "test_data"))
    through_server: bool = False
    server: str = ""
    attempt: str = ""
    restore: bool = False
    timeout_seconds: float | None = DEFAULT_TIMEOUT_S

    @property
    def base(self) -> str:
        """Where the server answers this attempt."""
        return f"{self.server.rstrip('/')}/a/{self.attempt}"


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where things are in the pod; a test has its own."""

    config: Path = CONFIG  #: job.json lies beside it
    meta: Path = META
    data: Path = DATA
    test_data: Path = TEST_DATA
    token: Path = TOKEN
    secret: Path = SECRET
    termination_log: Path = TERMINATION_LOG

    @property
    def work(self) -> Path:
        """What survives attempts."""
        return self.data / "work"

    @property
    def record(self) -> Path:
        """What the test data turned out to be; the sidecar hands it in."""
        return self.data / "test_data.json"


def read(path: Path) -> InitConfig:
    """Read `init.json`. Raises UsageError."""
    try:
        return InitConfig.model_validate_json(path.read_bytes())
    except OSError as error:
        raise _unusable(f"{path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise _unusable(f"{path} is not valid: {where}: {first['msg']}.") from error


def _unusable(said: str) -> UsageError:
    return UsageError(said, remedy="Operator and image should be of the same version.")
