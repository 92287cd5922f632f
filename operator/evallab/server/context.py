"""Who asks, and under which transaction id: what every handler may want to know of a request besides its body."""

from starlette.requests import Request

from evallab.api.evalhub.errors import ApiError

MOST = 256  #: characters of a name in a header; Postgres indexes them


def tenant(request: Request) -> str | None:
    """Return X-Tenant; None when the client named none."""
    return named(request, "X-Tenant")


def user(request: Request) -> str | None:
    """Return X-User; None when the client named none."""
    return named(request, "X-User")


def named(request: Request, header: str) -> str | None:
    """Return what a header names; None when it was not sent, or empty. Raises ApiError for one that is too long."""
    value = request.headers.get(header) or None
    if value is not None and len(value) > MOST:
        raise ApiError("request_validation_failed", detail=f"The header {header} is longer than {MOST} characters.")
    return value


def actor(request: Request) -> str:
    """Return who acts, for the audit trail."""
    return user(request) or "rest"


def trace(request: Request) -> str:
    """Return the transaction id, which `server.boundary` gave the request."""
    return str(request.state.trace)


def address(request: Request) -> str:
    """Return the path and query as they were sent."""
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")
