"""GPUs reserved for the model servers of jobs: a file lock per GPU, in a directory that all users of a machine share.

The kernel frees a lock when its last holder dies. The model server inherits it, so that a GPU stays reserved while a
server runs on it, also when evallab was killed meanwhile. A GPU on which anything else computes counts as taken: who
knows nothing of the locks is seen too. Called by the driver (take, free) and by the launcher of model servers (held).
"""

import fcntl
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from evallab.api.errors import UsageError
from evallab.runtimes.local.gpus import Gpu, GpuInventory, visible

DIRECTORY_MODE = 0o1777
FILE_MODE = 0o644


@dataclass
class GpuLeases:
    """The GPUs that this process reserved, by job. `serving(job_id)` says whether the job's model server runs."""

    directory: Path
    inventory: GpuInventory
    visible_devices: str | None = None  #: CUDA_VISIBLE_DEVICES of who runs evallab
    serving: Callable[[str], bool] = lambda _: False
    _held: dict[str, dict[str, int]] = field(default_factory=dict)

    def take(self, job_id: str, count: int) -> str:
        """Reserve `count` GPUs for a job unless it has them; return "", else what it waits for. Takes all or none."""
        if len(self._held.get(job_id, {})) >= count or self.serving(job_id):
            return ""
        free = [gpu for gpu in visible(self.inventory.gpus(), self.visible_devices) if not gpu.processes]
        if len(free) >= count:
            _make_shared(self.directory)
            self._held[job_id] = self._lock(free, count)
            if len(self._held[job_id]) == count:
                return ""
        self.free(job_id)
        return "a GPU" if count == 1 else f"{count} GPUs"

    def _lock(self, gpus: Sequence[Gpu], count: int) -> dict[str, int]:
        held: dict[str, int] = {}
        for gpu in gpus:
            descriptor = _try(self.directory / f"{gpu.uuid}.lock") if len(held) < count else None
            if descriptor is not None:
                held[gpu.uuid] = descriptor
        return held

    def uuids(self, job_id: str) -> tuple[str, ...]:
        """Return the GPUs that are reserved for a job."""
        return tuple(self._held.get(job_id, {}))

    def descriptors(self, job_id: str) -> tuple[int, ...]:
        """Return the locks of a job, to be inherited by its model server."""
        return tuple(self._held.get(job_id, {}).values())

    def free(self, job_id: str) -> None:
        """Give back what this process holds for a job."""
        for descriptor in self._held.pop(job_id, {}).values():
            os.close(descriptor)


def _try(path: Path) -> int | None:
    """Return the descriptor that holds the lock, None while somebody else has it.

    Another user's file is opened for reading only: Linux refuses more in a directory like /tmp, a lock needs no more.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE))
        path.chmod(FILE_MODE)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"{path} is not a lock file: {error.strerror}.", remedy="Remove it.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _make_shared(directory: Path) -> None:
    """Make the directory as /tmp is made. Whoever made it could only break reservations: nothing in it is read."""
    try:
        directory.mkdir(parents=True)
    except FileExistsError:
        mode = directory.lstat().st_mode
        if not stat.S_ISDIR(mode) or (mode & stat.S_IWOTH and not mode & stat.S_ISVTX):
            problem = "is a symbolic link" if stat.S_ISLNK(mode) else "is not a directory with the mode of /tmp"
            raise UsageError(
                f"The directory of the GPU locks, {directory}, {problem}.",
                remedy="Remove it, or set EVALLAB_GPU_LOCKS_DIR to another; all users of this machine must share it.",
            ) from None
    else:
        directory.chmod(DIRECTORY_MODE)
