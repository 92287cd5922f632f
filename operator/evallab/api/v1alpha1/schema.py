"""A model of this package as a structural schema of Kubernetes. Pure; called by `crd`.

The API server wants more than JSON Schema gives: no references, a type in every place, no null beside it, bounds on
everything (its validation rules have a cost budget). What the models leave open is an error here, not in a cluster.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

Json = dict[str, Any]
_KEPT = (
    *("type", "description", "default", "enum", "format", "pattern", "minLength", "maxLength", "minimum", "maximum"),
    *("minItems", "maxItems", "minProperties", "maxProperties", "required"),
    *("x-kubernetes-preserve-unknown-fields", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"),
)
_READ = frozenset({*_KEPT, "$defs", "$ref", "additionalProperties", "anyOf", "const", "items", "properties", "title"})
_INT_OR_STRING = "x-kubernetes-int-or-string"
_FREE = "x-kubernetes-preserve-unknown-fields"
_RULES = "x-kubernetes-validations"


class UnboundedSchema(TypeError):
    """A field of a model has no bound, or a type that the API server does not take."""


def structural(model: type[BaseModel]) -> Json:
    """Return the schema of a model. Raises UnboundedSchema, which names the place."""
    whole = model.model_json_schema(by_alias=True, mode="validation")
    return _node(whole, whole.get("$defs", {}), model.__name__)


def with_rules(schema: Json, path: str, rules: list[Json]) -> Json:
    """Return the schema with validation rules at a place such as `spec.benchmarks[].testDataRef` ("" is the root)."""
    if not path:
        return schema | {_RULES: [*schema.get(_RULES, []), *rules]}
    first, _, rest = path.partition(".")
    name = first.removesuffix("[]")
    inner = schema["properties"][name]
    if first.endswith("[]"):
        changed = inner | {"items": with_rules(inner["items"], rest, rules)}
    else:
        changed = with_rules(inner, rest, rules)
    return schema | {"properties": schema["properties"] | {name: changed}}


def _node(given: Mapping[str, Any], defs: Mapping[str, Any], place: str) -> Json:
    found = _resolved(given, defs)
    if found.get(_INT_OR_STRING):
        return _int_or_string(found)
    node = {key: found[key] for key in _KEPT if key in found and (key != "default" or _is_scalar(found[key]))}
    if _FREE in node and "enum" in node:  # a choice among values of several types
        node.pop("type", None)
    if "const" in found:
        node["enum"] = [found["const"]]
    if "properties" in found:
        node["properties"] = {name: _node(each, defs, f"{place}.{name}") for name, each in found["properties"].items()}
    if "items" in found:
        node["items"] = _node(found["items"], defs, f"{place}[]")
    if isinstance(found.get("additionalProperties"), Mapping):
        node["additionalProperties"] = _node(found["additionalProperties"], defs, f"{place}[*]")
    _check(node, place, unread=set(found) - _READ)
    return node


def _resolved(given: Mapping[str, Any], defs: Mapping[str, Any]) -> Json:
    """Follow a reference and leave null out of a choice; what is said beside them wins."""
    found = dict(given)
    if "anyOf" in found:
        choices = [each for each in found.pop("anyOf") if each.get("type") != "null"]
        if len(choices) != 1:
            raise UnboundedSchema(f"A structural schema has no choice of types: {choices}")
        found = _resolved(choices[0], defs) | found
    if "$ref" in found:
        found = _resolved(defs[found.pop("$ref").rpartition("/")[2]], defs) | found
    return found


def _is_scalar(value: Any) -> bool:
    return isinstance(value, bool | int | float | str)


def _int_or_string(found: Mapping[str, Any]) -> Json:
    """The API server's own kind of choice: a number, or a text that means one."""
    kept = {key: found[key] for key in _KEPT if key in found and key not in {"type", "default"}}
    return kept | {_INT_OR_STRING: True, "anyOf": [{"type": "integer"}, {"type": "string"}]}


_BOUNDED: dict[str, Callable[[Json], bool]] = {
    "string": lambda node: "maxLength" in node or "enum" in node or node.get("format") == "date-time",
    "array": lambda node: "maxItems" in node and "items" in node,
    "object": lambda node: "properties" in node or "maxProperties" in node,
    "integer": lambda _: True,
    "number": lambda _: True,
    "boolean": lambda _: True,
}


def _check(node: Json, place: str, *, unread: set[str]) -> None:
    if unread:
        raise UnboundedSchema(f"{place}: a structural schema would lose {', '.join(sorted(unread))}")
    if "type" not in node and node.get(_FREE) and "enum" in node:
        return
    if node.get("type") not in _BOUNDED or not _BOUNDED[node["type"]](node):
        raise UnboundedSchema(f"{place}: a structural schema needs a type and a bound here, found {node}")
