"""Bytes of a request to a plain value, or one clear refusal; `reading` is the door to it.

Nothing that comes in can make the reader slow or break the process, and what it returns fits everywhere: numbers are
finite, texts hold no NUL (Postgres cannot keep one) and no half of a surrogate pair, no field is given twice.
"""

import json
import sys
from array import array
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NoReturn

from evallab.api.evalhub.errors import ApiError

MAX_DEPTH = 64
_MOST_DIGITS = 310  #: no number of more digits fits a double
_STEPS = bytes.maketrans(b"{[}]", b"\x01\x01\xff\xff")
_OTHERS = bytes(byte for byte in range(256) if byte not in b"{[}]")


def loads(raw: bytes) -> Any:
    """Read one JSON value; whatever is wrong with it is an ApiError `invalid_json_request`."""
    text = _text(raw)
    if _is_deep(raw):
        refuse(f"values are nested more than {MAX_DEPTH} levels deep")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        refuse(_sentence(error, text))
    except RecursionError:
        refuse("values are nested too deep")
    if b"\\u0000" in raw or b"\\ud" in raw or b"\\uD" in raw:
        _refuse_unstorable(value)
    return value


def refuse(detail: str) -> NoReturn:
    """Raise the refusal of a body that is not what the route reads."""
    raise ApiError("invalid_json_request", detail=detail) from None


def _text(raw: bytes) -> str:
    if not raw or raw.isspace():
        refuse("the body is empty")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        refuse(f"byte {raw[error.start]:#04x} at position {error.start} is not UTF-8 text")
    if text.startswith("\ufeff"):
        refuse("the body begins with a byte order mark; send plain UTF-8")
    return text


def _is_deep(raw: bytes) -> bool:
    """Count the open brackets outside of texts, without parsing."""
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return False
    unescaped = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = b"".join(unescaped.split(b'"')[::2]).translate(_STEPS, _OTHERS)
    return any(map(MAX_DEPTH.__lt__, accumulate(array("b", brackets))))


def _sentence(error: json.JSONDecodeError, text: str) -> str:
    where = f"line {error.lineno}, column {error.colno}"
    if error.msg == "Extra data":
        return f"there is more after the JSON value, from {where} on"
    what = error.msg[:1].lower() + error.msg[1:]
    ended = " (the text ends there)" if error.pos >= len(text) else ""
    return f"{what.removesuffix(' at')} at {where}{ended}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        refuse(f"the field {json.dumps(twice[:80])} is given twice")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    refuse(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if value - value != 0:
        refuse(f"the number {_short(text)} does not fit")
    return value


def _whole(text: str) -> int:
    if len(text) <= _MOST_DIGITS:
        value = int(text)
        if -sys.float_info.max <= value <= sys.float_info.max:
            return value
    refuse(f"the number {_short(text)} does not fit")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}…"


def _refuse_unstorable(value: Any) -> None:
    for text in _texts(value):
        if "\0" in text:
            refuse("a text holds the character NUL (\\u0000), which cannot be stored")
        if any("\ud800" <= character <= "\udfff" for character in text):
            refuse("a text holds half of a surrogate pair (\\ud800 to \\udfff)")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _texts(item)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_int=_whole, parse_constant=_refuse_constant
)
