"""JSON that is not also YAML (tabs, surrogate pairs), with the same refusals; only `api.manifest` calls it."""

import json
import math
from typing import Any

from evallab.api.tree import Broken


def strict_json(text: str) -> Any | None:
    """Return the value of a JSON text, None when it is not JSON; duplicate keys, NaN and infinity are refused."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise Broken("values are nested too deep", None) from None
    except ValueError:
        return None


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
