"""What one route is: the table that `app` serves and `openapi` describes is made of these."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from evallab.server.house import House

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Handler = Callable[[Request, House], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One query parameter or header; `kind` is a JSON schema type."""

    name: str
    kind: Literal["string", "integer", "boolean"] = "string"
    text: str = ""
    where: Literal["query", "header"] = "query"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method on one path: its handler, and what the API description says about it.

    `responses` are the statuses besides the errors that every route may give; `media` what a success holds.
    """

    method: Method
    path: str
    handler: Handler
    summary: str
    query: tuple[Parameter, ...] = ()
    request: type[BaseModel] | None = None
    responses: Mapping[int, str] = field(default_factory=dict)
    media: str = "application/json"
    ours: bool = False  #: EvalHub does not have it
