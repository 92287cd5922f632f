"""Documents of the REST API as the values that `reporting` draws: their JSON is that of `--output json`. For `lab`."""

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from evallab.engine.reproducing import Repetition
from evallab.remote.errors import ServerUnavailable
from evallab.reporting.history import History
from evallab.reporting.regressions import Standing

T = TypeVar("T")
_STANDINGS = TypeAdapter(tuple[Standing, ...])
_HISTORY = TypeAdapter(History)
_REPETITION = TypeAdapter(Repetition)


def standings(body: Any) -> tuple[Standing, ...]:
    """Return where models stand. Raises ServerUnavailable for what this version cannot read."""
    return _read(_STANDINGS, body["standings"])


def history(body: Any) -> History:
    """Return a series. Raises ServerUnavailable for what this version cannot read."""
    return _read(_HISTORY, body)


def repetition(body: Any) -> Repetition:
    """Return a repetition. Raises ServerUnavailable for what this version cannot read."""
    return _read(_REPETITION, body)


def _read(shape: TypeAdapter[T], body: Any) -> T:
    try:
        return shape.validate_python(body)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ServerUnavailable(
            f"The server's answer cannot be read here: {field}.",
            remedy="Use the same version of evallab on both sides.",
        ) from error
