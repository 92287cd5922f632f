"""A request as EvalHub's answers repeat it: the fields it knows, in their order, values as they were sent.

What is empty is left out, as Go's encoder does; free-form parts and numbers stay untouched (2 stays 2, 0.9 stays 0.9).
Pure; called by the server when it stores a job.
"""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Json = dict[str, Any]


def echo(document: Mapping[str, Any], model: type[BaseModel]) -> Json:
    """Return what is known of a document that `model` accepted."""
    said = {key.casefold(): value for key, value in document.items()} | dict(document)
    fields = ((name, field, said.get(name)) for name, field in model.model_fields.items())
    echoed = ((name, field, _value(value, field)) for name, field, value in fields)
    return {name: value for name, field, value in echoed if _stays(value, field)}


def _stays(value: Any, field: FieldInfo) -> bool:
    """Say whether a value is written: an empty one only where the field is required, and never null."""
    if value is None:
        return False
    return bool(value) or field.is_required()


def _value(value: Any, field: FieldInfo) -> Any:
    inner = _model(field.annotation)
    if inner is None:
        return value
    if isinstance(value, list):
        return [echo(each, inner) if isinstance(each, Mapping) else each for each in value]
    return echo(value, inner) if isinstance(value, Mapping) else value


def _model(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation, through unions, tuples and Annotated; None for what is free."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model(each)) is not None), None)
