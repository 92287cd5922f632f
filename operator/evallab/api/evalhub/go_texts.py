"""Pydantic's complaints in the words of EvalHub's decoder and validator, which clients and suites look for.

    Key: 'EvaluationJobConfig.model.url' Error:Field validation for 'url' failed on the 'url' tag

Only `reading` calls it, and only when something is wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.lenient import ReadOnly, Rule
from evallab.api.path import Path
from evallab.api.patterns import DNS_LABEL

MAX_FAILURES = 50
_WANTED = {
    "string_type": "string",
    "int_type": "int",
    "int_from_float": "int",
    "float_type": "float",
    "finite_number": "float",
    "bool_type": "bool",
    "tuple_type": "list",
    "list_type": "list",
    "dict_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
}
_TAGS = {
    "missing": "required",
    "string_too_short": "required",
    "string_too_long": "max",
    "too_short": "min",
    "too_long": "max",
    "greater_than_equal": "min",
    "less_than_equal": "max",
    "greater_than": "gt",
    "less_than": "lt",
    "literal_error": "oneof",
}
_PATTERNS = {DNS_LABEL: "rfc1123_dns_label", r"\S": "notblank"}
_NOT_BLANK = {("experiment", "name"), ("hf", "repo_id")}
_INT64 = 2**63


@dataclass(frozen=True)
class Failure:
    """One line of the validator; `alone` is the text that stands for the whole list where it is the first."""

    line: str
    alone: str = ""


def refusal(error: ValidationError, root: str, rule: Rule | None = None) -> ApiError:
    """Return the refusal; `rule` is what is wrong with the whole besides, when it was not looked at."""
    details = error.errors(include_url=False)
    for detail in details:
        if _is_type(detail):
            return _wrong_type(detail, root)
    listed = [detail for detail in details if not isinstance(_rule(detail), ReadOnly)]
    failures = [each for detail in listed[:MAX_FAILURES] for each in _failures(detail, root)]
    if rule is not None and not any(detail["loc"] == () for detail in details):
        failures += _broken(rule, root, ())
    if not failures:
        return ApiError("resolved_sha_read_only")
    return _failed(failures)


def too_many(path: Path, root: str) -> ApiError:
    """Return the refusal of a list or mapping with more entries than are read."""
    return _failed([_failure(root, path, "max")])


def kind_of(value: Any) -> str:
    """Name the JSON kind of a value."""
    kinds = {str: "string", bool: "bool", dict: "object", list: "array", type(None): "null"}
    return kinds.get(type(value), "number")


def _failed(failures: Sequence[Failure]) -> ApiError:
    detail = failures[0].alone or "\n".join(failure.line for failure in failures)
    return ApiError("request_validation_failed", detail=detail)


def _is_type(detail: Mapping[str, Any]) -> bool:
    return detail["type"] in _WANTED or _is_beyond(detail)


def _is_beyond(detail: Mapping[str, Any]) -> bool:
    """Tell whether a whole number does not fit into 64 bits."""
    context = detail.get("ctx", {})
    return bool(context.get("lt") == _INT64 or context.get("ge") == -_INT64)


def _wrong_type(detail: Mapping[str, Any], root: str) -> ApiError:
    value, wanted = detail["input"], _WANTED.get(detail["type"], "int")
    is_number = type(value) in {int, float} and wanted in {"int", "float"}
    shown = f"number {value}"[:60] if is_number else kind_of(value)
    sentence = f"json: cannot unmarshal {shown} into Go struct field {_key(root, detail['loc'])} of type {wanted}"
    return ApiError("invalid_json_request", detail=sentence)


def _rule(detail: Mapping[str, Any]) -> Any:
    return detail.get("ctx", {}).get("error")


def _failures(detail: Mapping[str, Any], root: str) -> list[Failure]:
    path: Path = tuple(detail["loc"])
    rule = _rule(detail)
    if isinstance(rule, Rule):
        return _broken(rule, root, path)
    if detail["type"] == "literal_error" and detail["input"] != "":
        names = detail["ctx"]["expected"].replace(" or ", ", ").replace("'", "")
        return [_failure(root, path, "oneof", alone=f"{_name(path)} must be one of: {names}")]
    tag = _tag(detail, path)
    said = str(rule) if rule is not None else detail["msg"]
    return [_failure(root, path, tag) if tag else Failure(f"{_key(root, path)}: {said}")]


def _broken(rule: Rule, root: str, path: Path) -> list[Failure]:
    listed = [_failure(root, path, tag, field=field, alone=rule.alone) for field, tag in rule.failures]
    return listed or [Failure(f"{_key(root, path)}: {rule}")]


def _failure(root: str, path: Path, tag: str, *, field: str = "", alone: str = "") -> Failure:
    key = f"{_key(root, path)}.{field}" if field else _key(root, path)
    name = field or _name(path)
    return Failure(f"Key: '{key}' Error:Field validation for '{name}' failed on the '{tag}' tag", alone)


def _tag(detail: Mapping[str, Any], path: Path) -> str | None:
    kind, context = detail["type"], detail.get("ctx", {})
    if path[-2:-1] == ("tags",) and kind.startswith("string_"):
        return "tagname"
    if kind == "string_too_short" and context.get("min_length") != 1:
        return "min"
    if kind == "string_too_long" and context.get("max_length") == 63:
        return "rfc1123_dns_label"
    if kind in {"missing", "string_too_short", "literal_error"}:
        return "notblank" if path[-2:] in _NOT_BLANK else "required"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context.get("pattern", ""))
    return _TAGS.get(kind)


def _name(path: Path) -> str:
    """Return the last field of a path, with its index in a list."""
    if path and isinstance(path[-1], int):
        return f"{path[-2]}[{path[-1]}]" if len(path) > 1 else f"[{path[-1]}]"
    return str(path[-1])[:80] if path else ""


def _key(root: str, path: Path) -> str:
    """Write a path as the validator does; a benchmark's id is embedded there in a struct named Ref."""
    text = root
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step[:80]}"
    if path[-1:] == ("id",) and path[-3:-2] == ("benchmarks",):
        return f"{text.removesuffix('.id')}.Ref.id"
    return text
