"""The base of every v1alpha1 model and the bounded texts they are made of; the other modules here build on it.

Everything is bounded because the API server rejects a CRD whose validation rules could cost too much.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from evallab.api.patterns import DNS_LABEL, HTTP_URL, QUANTITY

YEAR = 31_536_000


class Face(BaseModel):
    """A frozen, strict value whose fields are written in camelCase; a misspelt field is an error."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
    )


def _quantity_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, Field(min_length=1, max_length=253)]
LongText = Annotated[str, Field(min_length=1, max_length=4096)]
Label = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]
Url = Annotated[str, Field(max_length=2048, pattern=HTTP_URL)]
Quantity = Annotated[
    str,
    BeforeValidator(_quantity_text),
    Field(max_length=32, pattern=QUANTITY, json_schema_extra={"x-kubernetes-int-or-string": True, "pattern": QUANTITY}),
]
Number = Annotated[float, Field(ge=-1e12, le=1e12)]
Seconds = Annotated[int, Field(ge=1, le=YEAR)]
FreeForm = Annotated[
    dict[str, Any], Field(max_length=1024, json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})
]


def only_one(value: BaseModel, names: tuple[str, ...], *, needed: bool = True) -> None:
    """Raise ValueError unless exactly one (not needed: at most one) of the named fields is set."""
    given = [to_camel(name) for name in names if getattr(value, name) is not None]
    allowed = ", ".join(to_camel(name) for name in names)
    if len(given) > 1:
        raise ValueError(f"give only one of {allowed}; found {' and '.join(given)}")
    if needed and not given:
        raise ValueError(f"give one of {allowed}")
