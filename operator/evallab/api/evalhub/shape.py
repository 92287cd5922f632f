"""Which fields a REST model knows, and a body cut to them; only `reading` calls it.

EvalHub's decoder finds a field whatever the case of its letters, takes null for absent, and so it takes "" where a
text may be absent; pydantic should see none of that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

MAX_ENTRIES = 10_000


class TooMany(Exception):
    """A list or mapping of more entries than anybody means; `path` names where."""

    def __init__(self, *path: str) -> None:
        """Keep the path below the value that is cut."""
        self.path = path
        super().__init__(f"more than {MAX_ENTRIES} entries")


@dataclass(frozen=True)
class Shape:
    """How the fields of one model are found in a body."""

    exact: frozenset[str]
    folded: Mapping[str, str]
    inner: Mapping[str, type[BaseModel]]
    blank: frozenset[str]  #: where "" is absent
    free: frozenset[str]  #: where a mapping may hold anything
    open: bool  #: unknown fields are kept


def cut(value: Any, model: type[BaseModel]) -> Any:
    """Return the body with the fields that the model knows, under their own names, and without what is absent."""
    if not isinstance(value, dict):
        return value
    shape = _shape(model)
    fields: dict[str, Any] = {}
    for key, item in value.items():
        name = key if key in shape.exact else _inexact(key, value, shape)
        if name is None or item is None or (item == "" and name in shape.blank):
            continue
        fields[name] = _entries(name, item, shape) if isinstance(item, (list, dict)) else item
    return fields


def _inexact(key: str, value: dict[str, Any], shape: Shape) -> str | None:
    """Find the field of a key in other letters; the exact key wins where both are given."""
    name = shape.folded.get(key.casefold())
    if name is not None:
        return None if name in value else name
    return key if shape.open else None


def _entries(name: str, item: list[Any] | dict[str, Any], shape: Shape) -> Any:
    if len(item) > MAX_ENTRIES and name not in shape.free:
        raise TooMany(name)
    inner = shape.inner.get(name)
    if inner is None:
        return item
    try:
        return [cut(_nothing_is_empty(each), inner) for each in item] if isinstance(item, list) else cut(item, inner)
    except TooMany as error:
        raise TooMany(name, *error.path) from None


def _nothing_is_empty(entry: Any) -> Any:
    return {} if entry is None else entry


@cache
def _shape(model: type[BaseModel]) -> Shape:
    written = [(key, field) for name, field in model.model_fields.items() for key in _keys(model, name, field)]
    return Shape(
        exact=frozenset(key for key, _ in written),
        folded={key.casefold(): key for key, _ in reversed(written)},
        inner={key: inner for key, field in written if (inner := _model_in(field.annotation))},
        blank=frozenset(key for key, field in written if field.default is None and _is_text(field.annotation)),
        free=frozenset(key for key, field in written if _is_free(field.annotation)),
        open=model.model_config.get("extra") in {"allow", "forbid"},
    )


def _keys(model: type[BaseModel], name: str, field: FieldInfo) -> list[str]:
    """Return the keys under which pydantic looks for a field, the preferred one first."""
    alias = field.validation_alias or field.alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    keys = [each for each in choices if isinstance(each, str)]
    by_name = not keys or model.model_config.get("populate_by_name") or model.model_config.get("validate_by_name")
    return list(dict.fromkeys([*keys, name] if by_name else keys))


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the model of a field, or of the entries of its list; what a mapping holds is not looked at."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is dict:
        return None
    return next((inner for each in get_args(annotation) if (inner := _model_in(each))), None)


def _is_text(annotation: Any) -> bool:
    if annotation is str or get_origin(annotation) is Literal:
        return True
    return get_origin(annotation) not in {tuple, list, dict} and any(map(_is_text, get_args(annotation)))


def _is_free(annotation: Any) -> bool:
    """Tell whether nobody looks into the value: `Any`, or a mapping to `Any`."""
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1] is Any
    return annotation is Any or any(map(_is_free, arguments))
