"""The base of the REST models: as lenient as EvalHub's own decoder; the other modules here build on it.

EvalHub ignores unknown fields and reads null as absent, but it does not turn "5" into 5.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evallab.api.patterns import DNS_LABEL

Json = dict[str, Any]
Required = Annotated[str, Field(min_length=1)]
Label = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]


class Body(BaseModel):
    """A frozen part of a request; unknown fields are ignored, null is absent."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: item for key, item in value.items() if item is not None}
