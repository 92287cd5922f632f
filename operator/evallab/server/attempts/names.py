"""Which names a file of an attempt may have: relative paths that lead nowhere else, whoever writes them to a disk."""

from evallab.api.evalhub.errors import ApiError

AREAS = frozenset({"result", "artifacts", "work", "meta"})
LONGEST = 1024  #: bytes; Postgres has an end to what it indexes


def checked(name: str) -> str:
    """Return a name that is safe. Raises ApiError."""
    parts = name.split("/")
    bad = any(part in {"", ".", ".."} for part in parts) or "\\" in name or "\0" in name
    if bad or not _short(name):
        raise ApiError(
            "request_validation_failed",
            detail=f"A file cannot be called {name[:100]!r}: names are relative paths of at most {LONGEST} bytes",
        )
    return name


def _short(name: str) -> bool:
    try:
        return len(name.encode()) <= LONGEST
    except UnicodeEncodeError:
        return False
