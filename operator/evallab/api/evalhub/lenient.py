"""The base of the REST models: as lenient as EvalHub's own decoder; the other modules here build on it.

EvalHub ignores unknown fields and reads null as absent, but it does not turn "5" into 5.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evallab.api.patterns import DNS_LABEL

Json = dict[str, Any]
Required = Annotated[str, Field(min_length=1)]
Label = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]


class Rule(ValueError):
    """A broken rule: a sentence for people, and what EvalHub's validator would list for it (see `go_texts`).

    A failure is a field below the value that is checked ("" is the value itself) and a tag; `alone` is the text that
    EvalHub gives instead of the whole list where this failure is the first.
    """

    def __init__(self, sentence: str, *failures: tuple[str, str], alone: str = "") -> None:
        """Keep the sentence, the failures and the special text."""
        self.failures = failures
        self.alone = alone
        super().__init__(sentence)


class ReadOnly(Rule):
    """A field that only the server sets; EvalHub looks at it last, so it is told only where all else is right."""


class Body(BaseModel):
    """A frozen part of a request; unknown fields are ignored, null is absent."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        if not isinstance(value, dict) or None not in value.values():
            return value
        return {key: item for key, item in value.items() if item is not None}
