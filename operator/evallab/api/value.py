"""The base of every frozen value. A change returns a new value (`model_copy(update=…)`)."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value with closed fields: a misspelt field is an error, not a surprise."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
