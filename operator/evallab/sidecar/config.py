"""What the sidecar is told: files of the attempt's ConfigMap, and where things lie in the pod."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from evallab.api.contract import JobSpec, Wire
from evallab.api.errors import UsageError
from evallab.planning.cluster.plan import LEAVINGS_MIB

CONFIG = Path("/etc/evallab/sidecar.json")
DATA, SPOOL = Path("/data"), Path("/spool")
TOKEN = Path("/var/run/secrets/evallab/token")
MODEL_SECRET = Path("/var/run/secrets/model")
PORT, HEALTH_PORT = 8090, 8091
STREAM_S = 15.0  #: how often what was appended to the work files is sent


class SidecarConfig(Wire):
    """`sidecar.json`. `model` is the base URL of the real endpoint; "" when the adapter loads the model itself."""

    server: str
    attempt: str
    job: str
    model: str = ""
    namespace: str = ""
    leavings_mib: int = LEAVINGS_MIB  #: that the attempt may leave


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where things are in the pod; a test has its own."""

    config: Path = CONFIG  #: job.json lies beside it
    data: Path = DATA
    spool: Path = SPOOL
    token: Path = TOKEN
    model_secret: Path = MODEL_SECRET
    port: int = PORT
    health_port: int = HEALTH_PORT
    stream_s: float = STREAM_S


def read(places: Places) -> tuple[SidecarConfig, JobSpec]:
    """Read both files. Raises UsageError."""
    job = places.config.with_name("job.json")
    try:
        config = SidecarConfig.model_validate_json(places.config.read_bytes())
        return config, JobSpec.model_validate_json(job.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{error.filename} cannot be read: {error.strerror}.", remedy="It is mounted from the attempt's ConfigMap."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise UsageError(
            f"{error.title} in {places.config.parent} is not valid: {where}: {first['msg']}.",
            remedy="Operator and image should be of the same version.",
        ) from error
