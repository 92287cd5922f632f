"""What can go wrong around the embedded Postgres, as one sentence and a remedy.

Every module of this package turns what the system or PostgreSQL's programs said into `StoreUnavailable` here.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from evallab.api.errors import StoreUnavailable

ELSEWHERE = "set EVALLAB_HOME to another directory, or EVALLAB_DATABASE_URL to a Postgres of your own."
_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_EXPLAINED = (
    ("No space left on device", "the disk is full", f"Free some space, or {ELSEWHERE}"),
    (": wrote only ", "the disk is full", f"Free some space, or {ELSEWHERE}"),
    ("password authentication failed", "its password is another one", "Restore the file `password` next to the data."),
    ("Disk quota exceeded", "the disk quota is used up", f"Free some space, or {ELSEWHERE}"),
    ("Permission denied", "a file or directory is closed to it", f"Open it to this user, or {ELSEWHERE}"),
    ("could not look up effective user ID", "this user id has no name", "Add it to /etc/passwd, or " + ELSEWHERE),
    ("could not create any TCP/IP sockets", "no port on 127.0.0.1 could be taken", f"Free one, or {ELSEWHERE}"),
)


def from_os_error(error: OSError, *, doing: str) -> StoreUnavailable:
    """Explain what the system refused while `doing` ("Starting the embedded Postgres")."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in _FULL:
        return StoreUnavailable(f"{doing} failed: the disk is full{where}.", remedy=f"Free some space, or {ELSEWHERE}")
    if error.errno in _CLOSED:
        reason = f"{error.strerror}{where}"
        return StoreUnavailable(f"{doing} failed: {reason}.", remedy=f"Make it writable for this user, or {ELSEWHERE}")
    return StoreUnavailable(f"{doing} failed: {error.strerror or error}{where}.", remedy=_otherwise())


def from_output(output: str, *, doing: str, log: object = "") -> StoreUnavailable:
    """Explain what one of PostgreSQL's programs printed before it gave up."""
    for needle, reason, remedy in _EXPLAINED:
        if needle in output:
            return StoreUnavailable(f"{doing} failed: {reason} ({_last_line(output, needle)}).", remedy=remedy)
    said = _last_line(output, "FATAL") or _last_line(output, "") or "it said nothing"
    see = f"See {log}, or {ELSEWHERE}" if log else _otherwise()
    return StoreUnavailable(f"{doing} failed: {said}.", remedy=see)


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn an OSError inside the block into StoreUnavailable."""
    try:
        yield
    except OSError as error:
        raise from_os_error(error, doing=doing) from error


def _last_line(output: str, needle: str) -> str:
    lines = [line.strip().rstrip(".") for line in output.splitlines() if line.strip() and needle in line]
    return lines[-1] if lines else ""


def _otherwise() -> str:
    return ELSEWHERE[0].upper() + ELSEWHERE[1:]
