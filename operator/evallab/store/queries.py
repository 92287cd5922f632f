"""The SQL of the store by name: every module of the store takes its statements from `QUERIES`, none writes its own.

A statement in `sql/queries.sql` or a file beside it begins with `-- name: fetch_job` and a comment:
what it is for.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import LiteralString

SQL = Path(__file__).parent / "sql"
_NAME = re.compile(r"^-- name:(?P<name>.*)$", re.MULTILINE)
_PROPER = re.compile(r"[a-z][a-z0-9_]*")


def parse(text: LiteralString) -> Mapping[str, LiteralString]:
    """Split the text into statements by name. Raises ValueError for a file that breaks its own rules."""
    pieces = _NAME.split(text)
    found: dict[str, LiteralString] = {}
    for name, body in zip(map(str.strip, pieces[1::2]), pieces[2::2], strict=True):
        if not _PROPER.fullmatch(name) or name in found:
            raise ValueError(f"{name!r} is not a new snake_case name of a query.")
        found[name] = _statement(name, body)
    return MappingProxyType(found)


def _statement(name: str, body: str) -> LiteralString:
    lines = body.strip().splitlines()
    code = [line for line in lines if not line.startswith("--")]
    if not lines or not lines[0].startswith("-- "):
        raise ValueError(f"The query {name!r} has no line that says what it is for.")
    statement = "\n".join(code).strip().removesuffix(";")
    if not statement:
        raise ValueError(f"The query {name!r} is empty.")
    return statement


def read(path: Path) -> LiteralString:
    """Return the text of one of our own SQL files: nothing of a user's is in it, so it counts as literal."""
    return path.read_text(encoding="utf-8")


_FILES = ("queries.sql", "history.sql", "serving.sql", "activity.sql", "cluster.sql", "canary.sql", "telemetry.sql")
QUERIES = parse("".join(read(SQL / name) for name in _FILES))

# Asked often, and planned alike whatever is asked: each connection plans them once (which is half of their time). Not
# those that say `%(x)s IS NULL OR …`, whose plans depend on what is asked.
PREPARED = frozenset((
    "add_events", "add_job", "count_activity", "drop_lease", "fetch_job", "job_in_the_way", "job_of_key", "job_pulse",
    "job_stamp", "lease_holder", "list_events_after", "list_scores", "lock_attempt", "queue", "queue_position",
    "save_attempt", "save_job", "take_lease", "unfiltered_job_page", "views",
))  # fmt: skip
