"""Files that a server's arguments name, such as a chat template: what stands in them changes answers as arguments do.

The engine hashes them when it starts a server. They are in the record and not in the setup key: a job with another
file is compared with those before, and the canary says whether it answers differently.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def named_files(args: Iterable[str]) -> dict[str, Any]:
    """Return `argument_files`, path to sha256, of regular files among arguments (`FILE` or `--flag=FILE`), if any.

    Paths are read as the server reads them, from the current directory; a file that cannot be read has no hash.
    """
    found = {each: _sha256(Path(each)) for arg in args for each in (arg, arg.partition("=")[2]) if _is_file(each)}
    return {"argument_files": found} if found else {}


def _is_file(text: str) -> bool:
    try:
        return bool(text) and Path(text).is_file()
    except (OSError, ValueError):  # too long for a name, or not one
        return False


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
