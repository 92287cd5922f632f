"""Responses as EvalHub writes them: compact JSON, nothing in a 204, errors with code, message and trace."""

import json
from typing import Any

from starlette.responses import Response

from evallab.api.evalhub.errors import ApiError

JSON = "application/json"


def compact(body: Any) -> bytes:
    """Return the JSON text of a body, without spaces and without NaN."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def answer(body: Any, status: int = 200) -> Response:
    """Return a body."""
    return encoded(compact(body), status)


def encoded(body: bytes, status: int = 200) -> Response:
    """Return a body that is JSON text already."""
    return Response(body, status_code=status, media_type=JSON)


def no_content() -> Response:
    """Return a 204."""
    return Response(status_code=204)


def refusal(error: ApiError, trace: str) -> Response:
    """Return an error."""
    response = answer(error.body(trace), error.status)
    response.headers["X-Content-Type-Options"] = "nosniff"
    if error.status in {413, 408}:  # the rest of the body is not read
        response.headers["Connection"] = "close"
    return response
