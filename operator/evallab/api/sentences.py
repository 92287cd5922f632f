"""Pydantic's complaints as sentences: where, what was found, what is allowed, and what was probably meant.

`api.read`, the catalog and the v1alpha1 conversion call it, so a bad field reads the same wherever it was written.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from evallab.api.path import Path, render
from evallab.api.patterns import PATTERNS

MAX_PROBLEMS = 50
_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of fields",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and the field it is wrong with."""

    path: Path
    text: str

    def __str__(self) -> str:
        return f"{render(self.path)}: {self.text}" if self.path else self.text


def sentences(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one line per problem."""
    return [str(problem) for problem in problems(error, model)]


def problems(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Return what pydantic found wrong with a value for `model`, at most MAX_PROBLEMS and a count of the rest."""
    details = error.errors(include_url=False, include_context=True)
    found = [Problem(tuple(detail["loc"]), _text(detail, model)) for detail in details[:MAX_PROBLEMS]]
    if len(details) > MAX_PROBLEMS:
        found.append(Problem((), f"and {len(details) - MAX_PROBLEMS} more problems"))
    return found


def nearest(word: str, known: "tuple[str, ...] | list[str]") -> str:
    """Return `did you mean "…"?` where something known resembles the word, else nothing."""
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f'did you mean "{folded[near[0]]}"?' if near else ""


def found(value: Any) -> str:
    """Say what a value is, briefly."""
    shown: Callable[[Any], str] = {
        str: lambda text: f'"{_printable(text)}"',
        bool: lambda flag: str(flag).lower(),
        dict: lambda _: "a mapping",
        list: lambda _: "a list",
        type(None): lambda _: "nothing",
    }.get(type(value), str)
    text = shown(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text[:200])


def _text(detail: Mapping[str, Any], model: type[BaseModel]) -> str:
    kind, context, value = detail["type"], detail.get("ctx", {}), detail.get("input")
    if kind == "extra_forbidden":
        return _unknown_field(detail, model)
    if kind == "missing":
        return "is required, but missing"
    if kind == "literal_error":
        return _not_among(context["expected"], value)
    if kind == "value_error":
        return str(context["error"])
    if kind in _WANTED:
        return _wrong_type(_WANTED[kind], value)
    return f"{_bound(kind, context, detail['msg'])}; found {_sized(kind, value)}"


def _wrong_type(wanted: str, value: Any) -> str:
    quote = "; put it in quotes" if wanted == "text" and isinstance(value, bool | int | float) else ""
    return f"must be {wanted}, found {found(value)}{quote}"


def _not_among(expected: str, value: Any) -> str:
    names = tuple(name.strip("'") for name in expected.replace(" or ", ", ").split(", "))
    guess = nearest(value, names) if isinstance(value, str) else ""
    allowed = names[0] if len(names) == 1 else f"one of {', '.join(names)}"
    return "; ".join(filter(None, (f"must be {allowed}", f"found {found(value)}", guess)))


def _bound(kind: str, context: Mapping[str, Any], message: str) -> str:
    said: dict[str, Callable[[], str]] = {
        "greater_than_equal": lambda: f"must be at least {context['ge']:g}",
        "greater_than": lambda: f"must be more than {context['gt']:g}",
        "less_than_equal": lambda: f"must be at most {context['le']:,g}",
        "less_than": lambda: f"must be less than {context['lt']:,g}",
        "string_too_short": lambda: "must not be empty",
        "string_too_long": lambda: f"may have at most {context['max_length']} characters",
        "too_long": lambda: f"may have at most {context['max_length']:,} entries",
        "too_short": lambda: f"must have at least {context['min_length']} entries",
        "string_pattern_mismatch": lambda: PATTERNS.get(context["pattern"], f"must match {context['pattern']}"),
    }
    return said.get(kind, lambda: message[:1].lower() + message[1:])()


def _sized(kind: str, value: Any) -> str:
    return f"{len(value):,}" if kind in {"string_too_long", "too_long", "too_short"} else found(value)


def _unknown_field(detail: Mapping[str, Any], model: type[BaseModel]) -> str:
    *parents, name = detail["loc"]
    known = field_names(model, tuple(parents))
    guess = nearest(str(name), known) or (f"known fields: {', '.join(known)}" if known else "")
    return "; ".join(filter(None, ("unknown field", guess)))


def field_names(model: type[BaseModel], path: Path) -> list[str]:
    """Return the names of the fields that the value at `path` may have, as they are written."""
    here: type[BaseModel] | None = model
    for step in path:
        if isinstance(step, int) or here is None:
            continue
        field = next((info for name, info in here.model_fields.items() if step in {name, info.alias}), None)
        here = _model_in(field.annotation) if field else None
    return [_written(name, info) for name, info in here.model_fields.items()] if here else []


def _written(name: str, info: FieldInfo) -> str:
    return info.alias or name


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the model inside Optional, Annotated and tuple."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {Union, types.UnionType, Annotated, tuple, list}:
        return next((inner for arg in get_args(annotation) if (inner := _model_in(arg))), None)
    return None
