"""JSON read as JSON, with the refusals that YAML files get; only `api.manifest` calls it."""

import json
import math
from typing import Any

from evallab.api.tree import Broken


def strict_json(text: str, max_depth: int) -> Any | None:
    """Return the value of a JSON text, None when it is not JSON; duplicate keys, NaN and infinity are refused."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except ValueError:
        return None
    _refuse_depth(value, max_depth)
    return value


def _refuse_depth(value: Any, max_depth: int) -> None:
    """Look at one level after the other: what is nested deep must not be walked recursively."""
    level = [value]
    for _ in range(max_depth + 1):
        level = [child for each in level for child in _children(each)]
    if level:
        raise _too_deep(max_depth)


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _too_deep(max_depth: int) -> Broken:
    return Broken(f"values are nested more than {max_depth} levels deep", None)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise Broken(f"the field {twice} is given twice", None)
    return fields


def _refuse_constant(name: str) -> Any:
    raise Broken(f"{name} cannot be used as a number", None)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Broken(f"{text} cannot be used as a number", None)
    return value
