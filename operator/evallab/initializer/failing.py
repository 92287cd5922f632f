"""Why an attempt could not begin, in the container's termination message, where the operator reads it."""

import errno
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

from evallab.api.errors import EvallabError
from evallab.datasets.failures import DatasetFailed, DatasetNoSpace
from evallab.initializer.config import Places

log = logging.getLogger(__name__)
MOST = 4000  #: Kubernetes keeps 4096 bytes
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
#: What helps in a cluster is not what helps on a workstation.
_REMEDIES: Final = MappingProxyType(
    {
        "DatasetNoSpace": "Give the node more ephemeral storage, or the data as a volume (testDataRef.pvc).",
        "DatasetTimeout": "Raise pendingDeadlineSeconds, or give the data as a volume (testDataRef.pvc).",
        "DatasetCredentials": "Check the keys of the Secret that testDataRef names, and what they may read.",
    }
)


def record(places: Places, error: EvallabError) -> None:
    """Write down why; a log that cannot be written is no further reason."""
    reason = error.reason if isinstance(error, DatasetFailed) else "InitFailed"
    said = {
        "reason": reason,
        "message": error.message[: MOST // 2],
        "remedy": _REMEDIES.get(reason, error.remedy)[: MOST // 4],
    }
    log.error(error.message, extra={"action": "initialize", "reason": reason, "remedy": said["remedy"]})
    for path in (places.termination_log, places.data / "init_failure.json"):
        with suppress(OSError):
            path.write_text(_fitting(said), encoding="utf-8")


@contextmanager
def told(place: Path) -> Iterator[None]:
    """Give errors of the file system their reason."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DatasetNoSpace(f"The disk of {place} is full.") from error
        raise DatasetFailed(f"{place} cannot be read or written: {error.strerror or error}.") from error


def _fitting(said: dict[str, str]) -> str:
    text = json.dumps(said, ensure_ascii=False)
    while len(text.encode()) > MOST:
        said = {**said, "message": said["message"][: len(said["message"]) // 2]}
        text = json.dumps(said, ensure_ascii=False)
    return text
