"""Who asks, for which tenant, and may they: stands between the boundary and the routes of a server in a cluster.

A tenant is a namespace. What passes carries X-Tenant and X-User as they were established here; what a client said of
itself is gone, so that the routes need not know where they run. With `auth.mode: none` anybody may do anything, and
X-User is what the client says, as on one computer.
"""

import logging
import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from evallab.api.errors import EvallabError
from evallab.api.evalhub.errors import ApiError
from evallab.api.patterns import DNS_LABEL
from evallab.kubeapi.interface import KubernetesUnavailable
from evallab.server.answers import refusal
from evallab.server.cluster.permissions import needed
from evallab.server.cluster.reviews import NO_TOKEN, Reviews
from evallab.server.context import MOST

log = logging.getLogger(__name__)
_TENANT, _USER = b"x-tenant", b"x-user"


class Access:
    """The application behind authentication and authorization."""

    def __init__(self, app: ASGIApp, reviews: Reviews | None, *, default_tenant: str | None = None) -> None:
        """Guard an application; without `reviews` everybody is let in."""
        self._app, self._reviews, self._default = app, reviews, default_tenant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or refuse it."""
        try:
            admitted = await self._admitted(scope)
        except ApiError as error:
            await self._refuse(error, scope, receive, send)
        except KubernetesUnavailable as error:
            await self._refuse(ApiError("service_unavailable", reason=str(error)), scope, receive, send)
        except EvallabError as error:
            await self._refuse(ApiError("internal_server_error", reason=str(error)), scope, receive, send)
        else:
            await self._app(admitted, receive, send)

    async def _refuse(self, error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
        response = refusal(error, scope["state"]["trace"])
        response.headers["Connection"] = "close"  # the body is not read
        if error.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        await response(scope, receive, send)

    async def _admitted(self, scope: Scope) -> Scope:
        permission = needed(scope["method"], scope["path"])
        if permission is None:
            return scope
        headers = _single(scope)
        tenant, user = self._tenant(headers), headers.get(_USER, "")
        if self._reviews is not None:
            who = await self._reviews.user(_token(headers))
            await self._reviews.check(who, permission, tenant)
            user = who.name[:MOST]
        return _as(scope, tenant, user)

    def _tenant(self, headers: Mapping[bytes, str]) -> str:
        tenant = headers.get(_TENANT) or self._default
        if tenant is None:
            raise ApiError("missing_tenant_header")
        if len(tenant) > 63 or not re.fullmatch(DNS_LABEL, tenant):
            raise ApiError("request_validation_failed", detail="The header X-Tenant must be the name of a namespace.")
        return tenant


def _single(scope: Scope) -> dict[bytes, str]:
    """Return headers by name; one that was sent twice with different values names nobody."""
    found: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        text = value.decode("latin-1")
        found[name] = text if found.get(name, text) == text else f"{found[name]}, {text}"
    return found


def _token(headers: Mapping[bytes, str]) -> str:
    scheme, _, token = headers.get(b"authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ApiError("unauthenticated", reason=NO_TOKEN)
    return token.strip()


def _as(scope: Scope, tenant: str, user: str) -> Scope:
    """Return a request that says who it is from as it was established here."""
    others = [each for each in scope["headers"] if each[0] not in {_TENANT, _USER, b"authorization"}]
    said = {_TENANT: tenant, _USER: user}
    return {**scope, "headers": [*others, *((name, text.encode("latin-1", "replace")) for name, text in said.items())]}
