"""Changing a part of a provider or collection: RFC 6902 operations, as EvalHub's API description says, and RFC 7386
merge objects, as EvalHub's own SDK and command send them. Pure; the server's routes call `patched`.

Only `replace`, `add` and `remove`, and only at the paths that EvalHub allows; the result is validated by who called.
As in EvalHub, `replace` also sets what is not there yet.
"""

import copy
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.lenient import Json
from evallab.api.provider import ENV_NAMES, K8S_NAMES, spelled

MAX_OPERATIONS = 1000
MAX_DEPTH = 64
_OPERATIONS = ("replace", "add", "remove")
_ANY = frozenset(_OPERATIONS)
_REPLACE = frozenset({"replace"})
_END = "-"
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_LISTS = frozenset({"tags"})
_RUNTIME_NAMES = MappingProxyType({"local": "local", "k8s": "k8s"})
_LOCAL_NAMES = MappingProxyType({"command": "command", "env": "env"})
_AS_IT_IS: Mapping[str, str] = MappingProxyType({})
_SPELLED: Mapping[int, Mapping[str, str]] = MappingProxyType(
    {1: _RUNTIME_NAMES, 2: MappingProxyType({**_LOCAL_NAMES, **K8S_NAMES}), 4: ENV_NAMES}  # /runtime/k8s/env/0/name
)

Rules = Mapping[str, frozenset[str]]  #: a path, with /* when what is below it counts too, and its operations
PROVIDER: Rules = MappingProxyType(
    {
        "name": _REPLACE,
        "title": _ANY,
        "description": _ANY,
        "tags/*": _ANY,
        "custom/*": _ANY,
        "agent/*": _ANY,
        "runtime/*": _REPLACE,
        "benchmarks/*": _REPLACE,
    }
)
COLLECTION: Rules = MappingProxyType(
    {
        "name": _REPLACE,
        "category": _REPLACE,
        "description": _ANY,
        "pass_criteria/*": _ANY,
        "tags/*": _ANY,
        "custom/*": _ANY,
        "benchmarks/*": _REPLACE,
    }
)


def patched(document: Json, patch: Any, rules: Rules) -> Json:
    """Return the document with a patch applied; raise ApiError, and change nothing, when any of it is not possible."""
    changed = copy.deepcopy(document)
    if isinstance(patch, list):
        _operate(changed, patch, rules)
    elif isinstance(patch, dict):
        _merge_top(changed, patch, rules)
    else:
        raise _invalid(f"json: cannot unmarshal {_kind(patch)} into Go value of type api.Patch")
    _refuse_depth(changed)
    return changed


def _operate(document: Json, operations: list[Any], rules: Rules) -> None:
    if len(operations) > MAX_OPERATIONS:
        raise _invalid(f"a patch may have at most {MAX_OPERATIONS} operations, found {len(operations)}")
    for steps in [_checked(each, rules) for each in operations]:
        _apply(document, *steps)


def _checked(operation: Any, rules: Rules) -> tuple[str, list[str], Any]:
    """Return what to do, where, and with which value."""
    if not isinstance(operation, dict):
        raise _invalid(f"json: cannot unmarshal {_kind(operation)} into Go value of type api.PatchOperation")
    fields = {key.lower(): value for key, value in operation.items()}
    name, path = fields.get("op"), fields.get("path")
    if name not in _OPERATIONS:
        raise ApiError("invalid_patch_operation", operation="" if name is None else str(name)[:100])
    if not isinstance(path, str) or not path:
        raise _invalid("Invalid patch path")
    tokens = _tokens(path)
    _refuse_path(name, path, tokens, rules)
    return name, _in_our_spelling(tokens), copy.deepcopy(fields.get("value"))


def _tokens(path: str) -> list[str]:
    """Split a JSON pointer; what does not begin with a slash matches no rule."""
    first, *tokens = path.split("/")
    return [f"{first}/"] if first else [each.replace("~1", "/").replace("~0", "~") for each in tokens]


def _refuse_path(operation: str, path: str, tokens: list[str], rules: Rules) -> None:
    top, deep = tokens[0], len(tokens) > 1
    allowed = rules.get(f"{top}/*") or (frozenset() if deep else rules.get(top, frozenset()))
    if operation not in allowed:
        raise ApiError("unallowed_patch", operation=operation, path=path)


def _in_our_spelling(tokens: list[str]) -> list[str]:
    """EvalHub's server writes `Image` where its API description says `image`; both are understood."""
    if tokens[0] != "runtime":
        return tokens
    return [_SPELLED.get(place, _AS_IT_IS).get(_folded(each), each) for place, each in enumerate(tokens)]


def _folded(token: str) -> str:
    return token.replace("_", "").lower()


def _apply(document: Json, operation: str, tokens: list[str], value: Any) -> None:
    if operation == "add" and len(tokens) > 1 and document.get(tokens[0]) is None:
        document[tokens[0]] = [] if tokens[0] in _LISTS else {}
    parent: Any = document
    for token in tokens[:-1]:
        parent = _child(parent, token)
    if isinstance(parent, list):
        _apply_to_list(parent, operation, tokens[-1], value)
    elif isinstance(parent, dict):
        _apply_to_fields(parent, operation, tokens[-1], value)
    else:
        raise _missing(tokens[-1])


def _child(parent: Any, token: str) -> Any:
    if isinstance(parent, list):
        return parent[_index(token, len(parent))]
    if isinstance(parent, dict) and token in parent:
        return parent[token]
    raise _missing(token)


def _apply_to_list(items: list[Any], operation: str, token: str, value: Any) -> None:
    if operation == "add":
        items.insert(len(items) if token == _END else _index(token, len(items) + 1), value)
    elif operation == "remove":
        del items[_index(token, len(items))]
    else:
        items[_index(token, len(items))] = value


def _apply_to_fields(fields: Json, operation: str, token: str, value: Any) -> None:
    if operation != "remove":
        fields[token] = value
    elif token in fields:
        del fields[token]
    else:
        raise _missing(token)


def _index(token: str, length: int) -> int:
    if not _INDEX.fullmatch(token) or int(token) >= length:
        raise _missing(token)
    return int(token)


def _merge_top(document: Json, patch: Json, rules: Rules) -> None:
    for key, value in patch.items():
        name = key.lower()
        _refuse_path("remove" if value is None else "replace", f"/{key}", [name], rules)
        document.update(_merged({name: document.get(name)}, {name: _merge_value(name, value)}))
        if value is None:
            document.pop(name, None)


def _merge_value(name: str, value: Any) -> Any:
    """Give the fields of a runtime our spelling, so that they meet what they change."""
    if name != "runtime" or not isinstance(value, dict):
        return value
    try:
        runtime = spelled(value, _RUNTIME_NAMES)
        known = {"local": _LOCAL_NAMES, "k8s": K8S_NAMES}
        return {key: spelled(item, known.get(key, {})) for key, item in runtime.items()}
    except ValueError as error:
        raise ApiError("request_validation_failed", detail=f"runtime: {error}") from None


def _merged(target: Any, patch: Any) -> Any:
    """RFC 7386: objects are merged, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def _refuse_depth(value: Any) -> None:
    """Look at one level after the other: what is nested deep must not be walked recursively."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for each in level for child in _children(each)]
    if level:
        raise _invalid(f"values are nested more than {MAX_DEPTH} levels deep")


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _missing(token: str) -> ApiError:
    return _invalid(f"the patch does not apply: there is no '{token[:100]}'")


def _invalid(detail: str) -> ApiError:
    return ApiError("invalid_json_request", detail=detail)


def _kind(value: Any) -> str:
    words = {str: "string", bool: "bool", list: "array", dict: "object", type(None): "null"}
    return words.get(type(value), "number")
