"""Asks the API server who shows a token, and what they may: TokenReview and SubjectAccessReview, kept for a while.

`access` asks for every request. Only what was granted is remembered, tokens only as their hash: a role that was taken
away counts no longer after `ALLOWED_S`, a token that was revoked after `KNOWN_S`.
"""

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from evallab.api.errors import EvallabError
from evallab.api.evalhub.errors import ApiError
from evallab.kubeapi.interface import ACCESS_REVIEW, TOKEN_REVIEW, ClusterApi, Kind, Refused
from evallab.server.cluster.permissions import GROUP, Permission

log = logging.getLogger(__name__)
Key = TypeVar("Key")
Value = TypeVar("Value")
KNOWN_S, ALLOWED_S = 60.0, 10.0
MOST = 10_000
NO_TOKEN = "Show a token: Authorization: Bearer $(kubectl create token NAME -n NAMESPACE)."  # noqa: S105
BAD_TOKEN = "The token is not valid here, or no longer. Get a new one: kubectl create token NAME -n NAMESPACE."  # noqa: S105


@dataclass(frozen=True)
class User:
    """Who asks, as the API server knows them."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


class ReviewsRefused(EvallabError):
    """The server may not ask the API server who its users are."""

    code = "reviews_refused"


class Reviews:
    """Who somebody is, and what they may."""

    def __init__(self, api: ClusterApi, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask this API server."""
        self._api = api
        self._known: _Remembered[str, User] = _Remembered(KNOWN_S, clock)
        self._allowed: _Remembered[tuple[User, str, Permission], bool] = _Remembered(ALLOWED_S, clock)

    async def user(self, token: str) -> User:
        """Return who shows a token. Raises ApiError, KubernetesUnavailable."""
        key = hashlib.sha256(token.encode()).hexdigest()
        if (known := self._known.get(key)) is not None:
            return known
        status = await self._reviewed(TOKEN_REVIEW, {"token": token})
        if not status.get("authenticated"):
            raise ApiError("unauthenticated", reason=BAD_TOKEN)
        said = status.get("user", {})
        extra = tuple(sorted((name, tuple(values)) for name, values in (said.get("extra") or {}).items()))
        user = User(said.get("username", ""), said.get("uid", ""), tuple(said.get("groups") or ()), extra)
        self._known.put(key, user)
        return user

    async def check(self, user: User, permission: Permission, namespace: str) -> None:
        """Raise ApiError unless a user may do something in a namespace; also KubernetesUnavailable."""
        key = (user, namespace, permission)
        if self._allowed.get(key):
            return
        status = await self._reviewed(ACCESS_REVIEW, _asked(user, permission, namespace))
        if not status.get("allowed"):
            remedy = "Ask for a Role that allows it, and a RoleBinding."
            reason = f'{user.name} may not {permission} in namespace "{namespace}". {remedy}'
            raise ApiError("forbidden", reason=reason)
        self._allowed.put(key, True)

    async def _reviewed(self, kind: Kind, spec: dict[str, Any]) -> dict[str, Any]:
        body = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {}, "spec": spec}
        try:
            return dict((await self._api.create(kind, None, body)).get("status") or {})
        except Refused as error:
            said = f"The API server does not let this server create a {kind.name}: {error.said}"
            log.error("%s", said, extra={"action": "review"})
            raise ReviewsRefused(said, remedy="Bind its service account to system:auth-delegator.") from error


def _asked(user: User, permission: Permission, namespace: str) -> dict[str, Any]:
    attributes = {
        "namespace": namespace,
        "group": GROUP,
        "resource": permission.resource,
        "subresource": permission.subresource,
        "verb": permission.verb,
    }
    who = {"user": user.name, "uid": user.uid, "groups": list(user.groups)}
    extra = {name: list(values) for name, values in user.extra}
    return {**who, "extra": extra, "resourceAttributes": attributes}


@dataclass
class _Remembered(Generic[Key, Value]):
    """Answers of the last moments, the oldest forgotten first."""

    seconds: float
    clock: Callable[[], float]
    kept: "OrderedDict[Key, tuple[float, Value]]" = field(default_factory=OrderedDict)

    def get(self, key: Key) -> Value | None:
        at, value = self.kept.get(key, (None, None))
        return value if at is not None and self.clock() - at < self.seconds else None

    def put(self, key: Key, value: Value) -> None:
        self.kept.pop(key, None)
        self.kept[key] = (self.clock(), value)
        while len(self.kept) > MOST:
            self.kept.popitem(last=False)
