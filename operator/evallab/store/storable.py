"""What Postgres can hold of what adapters send: no NUL, no lone surrogate, no NaN in JSON. Used for every row written.

Such characters are replaced rather than refused: a result is worth more than the byte that spoils it.
"""

import math
from typing import Any

from psycopg.types.json import Json, Jsonb

_REPLACEMENT = "\ufffd"


def text(value: str) -> str:
    """Return the text with what Postgres refuses replaced by U+FFFD."""
    if "\0" in value:
        value = value.replace("\0", _REPLACEMENT)
    return value if value.isascii() else value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def number(value: float | None) -> float | None:
    """Return the number, or None where it is none (NaN, infinities)."""
    return value if value is not None and math.isfinite(value) else None


def json(value: Any) -> Jsonb:
    """Return the JSON value as a parameter."""
    return Jsonb(_plain(value))


def verbatim(value: Any) -> Json:
    """Return the JSON value as a parameter of type json, which keeps the order of keys and the texts of numbers."""
    return Json(_plain(value))


def _plain(value: Any) -> Any:
    match value:
        case str():
            return text(value)
        case float():
            return number(value)
        case dict():
            return {text(str(key)): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
    return value
