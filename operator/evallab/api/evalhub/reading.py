"""The body of a request to a model, or the refusal that EvalHub would answer; every route with a body calls it.

request = read(raw, JobRequest, root="EvaluationJobConfig")
"""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.go_texts import kind_of, refusal, too_many
from evallab.api.evalhub.shape import TooMany, cut
from evallab.api.evalhub.strict_json import loads, refuse

__all__ = ["loads", "read", "validated"]

M = TypeVar("M", bound=BaseModel)


def read(raw: bytes, model: type[M], *, root: str) -> M:
    """Read a body as `model`; `root` is EvalHub's name for it in the texts of refusals."""
    return validated(loads(raw), model, root=root)


def validated(value: Any, model: type[M], *, root: str) -> M:
    """Check a value that is already parsed, as `read` does."""
    if not isinstance(value, dict):
        refuse(f"json: cannot unmarshal {kind_of(value)} into Go value of type {root}")
    try:
        return model.model_validate(cut(value, model))
    except TooMany as error:
        raise too_many(error.path, root) from None
    except ValidationError as error:
        raise _refused(error, value, model, root) from None


def _refused(error: ValidationError, value: dict[str, Any], model: type[BaseModel], root: str) -> ApiError:
    """Name also what pydantic did not come to look at, because fields of the whole were wrong."""
    whole = getattr(model, "rule_of_the_whole", None)
    rule = whole(cut(value, model)) if whole else None
    return refusal(error, root, rule)
