"""The query of a REST request to values, or EvalHub's refusal; the server's routes call it with decoded pairs.

A filter is an AND of ORs: `,` and a repeated parameter mean AND, `|` means OR, and a leading `!` means NOT where the
parameter allows it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, cast

from evallab.api.evalhub.errors import ApiError

Pairs = Sequence[tuple[str, str]]
Given = Mapping[str, list[str]]
Scope = Literal["system", "tenant"]
DEFAULT_LIMIT = 50
DEFAULT_LINES = 1000
MOST_LINES = 10_000
MAX_TERMS = 200  #: of one parameter
_NEGATABLE = ("owner", "status")
_NOT_FILTERS = ("limit", "offset", "benchmarks", "scope", "sort_by")
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_INT64 = 2**63
_MOST = 2**53  #: entries; more is all the same, and Postgres adds to it
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")


@dataclass(frozen=True)
class Term:
    """One alternative of a filter."""

    value: str
    negated: bool = False


Filter = tuple[tuple[Term, ...], ...]


@dataclass(frozen=True)
class ListQuery:
    """What a list route is asked for; a limit of 0 means all."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    filters: Mapping[str, Filter] = field(default_factory=dict)
    scope: Scope | None = None
    benchmarks: bool = True
    sort_by: str = ""

    def filter(self, name: str) -> Filter:
        """Return the filter of a parameter, empty when it was not given."""
        return self.filters.get(name, ())


@dataclass(frozen=True)
class LogQuery:
    """Which part of a log is asked for; `tail_lines` None means all lines."""

    tail_lines: int | None = DEFAULT_LINES
    timestamps: bool = False
    since_seconds: int | None = None
    follow: bool = False


def parse_query(pairs: Pairs, allowed: tuple[str, ...]) -> ListQuery:
    """Read the query of a list route that knows the parameters `allowed`, in the order in which it names them."""
    given = _storable(pairs)
    limit, offset = _count(given, "limit", DEFAULT_LIMIT), _count(given, "offset", 0)
    scope = _scope(given) if "scope" in allowed else None
    unknown = next((name for name in given if name not in allowed), None)
    if unknown is not None:
        raise ApiError("query_bad_parameter", name=unknown, allowed=", ".join(allowed))
    names = [name for name in given if name not in _NOT_FILTERS]
    filters = {name: terms for name in names if (terms := _filter(name, given[name]))}
    return ListQuery(
        limit=limit,
        offset=offset,
        filters=MappingProxyType(filters),
        scope=scope,
        benchmarks=_flag(given, "benchmarks", default=True),
        sort_by=given.get("sort_by", [""])[0],
    )


def parse_log_query(pairs: Pairs) -> LogQuery:
    """Read the query of a logs route; unknown parameters are ignored there, as EvalHub does."""
    given = _storable(pairs)
    return LogQuery(
        tail_lines=_lines(given),
        timestamps=_flag(given, "timestamps"),
        since_seconds=_seconds(given),
        follow=_flag(given, "follow"),
    )


def boolean(pairs: Pairs, name: str, *, default: bool = False) -> bool:
    """Read one flag, such as `hard_delete`; other parameters are ignored."""
    return _flag(_storable(pairs), name, default=default)


def parse_index(text: str) -> int:
    """Read the `benchmark_index` of a path."""
    index = _number(text)
    if index is None or index < 0:
        raise _invalid("benchmark_index", "non-negative integer", text)
    return index


def _storable(pairs: Pairs) -> dict[str, list[str]]:
    """Collect the values of each parameter; what no text of ours can hold is refused."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise _invalid(_printable(name), "text", _printable(value))
        given.setdefault(_printable(name), []).append(value)
    return given


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


def _invalid(name: str, kind: str, value: str) -> ApiError:
    return ApiError("query_parameter_invalid", name=name, type=kind, value=value)


def _number(text: str) -> int | None:
    """Read a whole number of 64 bits."""
    value = int(text) if _WHOLE.fullmatch(text) else None
    return value if value is not None and -_INT64 <= value < _INT64 else None


def _integer(name: str, text: str) -> int:
    value = _number(text)
    if value is None:
        raise _invalid(name, "integer", text)
    return value


def _count(given: Given, name: str, default: int) -> int:
    text = given.get(name, [""])[0]
    value = _integer(name, text) if text else default
    if value < 0:
        raise _invalid(name, "positive integer", text)
    return min(value, _MOST)


def _flag(given: Given, name: str, *, default: bool = False) -> bool:
    text = given.get(name, [""])[0]
    if text and text not in _TRUE + _FALSE:
        raise _invalid(name, "boolean", text)
    return text in _TRUE if text else default


def _lines(given: Given) -> int | None:
    text = given.get("tail_lines", [""])[0]
    lines = _integer("tail_lines", text) if text else DEFAULT_LINES
    if lines == -1:
        return None
    if not 1 <= lines <= MOST_LINES:
        raise _invalid("tail_lines", f"integer between 1 and {MOST_LINES}, or -1 for all lines", text)
    return lines


def _seconds(given: Given) -> int | None:
    if "since_seconds" not in given:
        return None
    text = given["since_seconds"][0]
    if not text:
        raise ApiError("query_parameter_required", name="since_seconds")
    seconds = _integer("since_seconds", text)
    if seconds < 1:
        raise _invalid("since_seconds", "positive integer", text)
    return seconds


def _scope(given: Given) -> Scope | None:
    values = [value for value in given.get("scope", ()) if value]
    if values and any(given.get("owner", ())):
        raise ApiError("query_parameter_mismatch", names="owner,scope")
    if len(set(values)) > 1 or not set(values) <= {"system", "tenant"}:
        raise ApiError("query_parameter_value_invalid", name="scope", allowed="system|tenant")
    return cast("Scope", values[0]) if values else None


def _filter(name: str, values: list[str]) -> Filter:
    groups = [part for value in values for part in value.split(",")]
    terms = [tuple(_term(name, text) for text in group.split("|") if text not in {"", "!"}) for group in groups]
    if sum(map(len, terms)) > MAX_TERMS:
        raise _invalid(name, f"filter of at most {MAX_TERMS} values", f"{values[0][:40]}…")
    return tuple(group for group in terms if group)


def _term(name: str, text: str) -> Term:
    if name in _NEGATABLE and text.startswith("!"):
        return Term(text[1:], negated=True)
    return Term(text)
