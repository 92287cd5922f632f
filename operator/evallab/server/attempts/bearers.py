"""Asks the API server whether a token was made for an attempt: TokenReview, remembered for a while.

A pod's projected token is made for one audience, that of its attempt, so that no other attempt's token, nor one that
was made for the API server or for the server itself, speaks for it. Its namespace is that of the job: who may make
tokens there may speak for the jobs there, and for no others.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from evallab.api.errors import EvallabError
from evallab.kubeapi.interface import TOKEN_REVIEW, ClusterApi, Refused

KNOWN_S, UNKNOWN_S = 60.0, 5.0
MOST = 10_000
LONGEST = 16_384  #: characters; what is longer is no token
_PREFIX = "system:serviceaccount:"


def audience(attempt_id: str) -> str:
    """Return for whom the token of an attempt is made."""
    return f"evallab/attempt/{attempt_id}"


class ReviewRefused(EvallabError):
    """The server may not ask the API server whose tokens these are."""

    code = "review_refused"


class KubernetesBearers:
    """Tokens of attempts, as the API server knows them."""

    def __init__(self, api: ClusterApi, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask this API server."""
        self._api, self._clock = api, clock
        self._known: OrderedDict[str, tuple[float, str | None]] = OrderedDict()

    async def admits(self, attempt_id: str, token: str, tenant: str) -> bool:
        """Say whether a token was made for this attempt, in the namespace of its job. Raises KubernetesUnavailable."""
        namespace = await self._known_namespace(attempt_id, token)
        return namespace is not None and namespace == tenant

    async def made_for(self, attempt_id: str, token: str) -> bool:
        """Say whether a token was made for this attempt, wherever. Raises KubernetesUnavailable."""
        return await self._known_namespace(attempt_id, token) is not None

    async def _known_namespace(self, attempt_id: str, token: str) -> str | None:
        if len(token) > LONGEST or not token.isascii():
            return None
        key = hashlib.sha256(f"{attempt_id}\n{token}".encode()).hexdigest()
        until, namespace = self._known.get(key, (0.0, None))
        if self._clock() >= until:
            namespace = await self._namespace(attempt_id, token)
            self._remember(key, namespace)
        return namespace

    async def _namespace(self, attempt_id: str, token: str) -> str | None:
        """Return the namespace of the service account that a token is of; None for a token that is not for us."""
        status = await self._reviewed({"token": token, "audiences": [audience(attempt_id)]})
        if not status.get("authenticated") or audience(attempt_id) not in (status.get("audiences") or ()):
            return None
        name = str((status.get("user") or {}).get("username", ""))
        namespace, _, account = name.removeprefix(_PREFIX).partition(":")
        return namespace if name.startswith(_PREFIX) and account else None

    async def _reviewed(self, spec: dict[str, Any]) -> dict[str, Any]:
        body = {"apiVersion": TOKEN_REVIEW.api_version, "kind": TOKEN_REVIEW.name, "metadata": {}, "spec": spec}
        try:
            return dict((await self._api.create(TOKEN_REVIEW, None, body)).get("status") or {})
        except Refused as error:
            raise ReviewRefused(
                f"The API server does not let this server create a TokenReview: {error.said}",
                remedy="Bind its service account to system:auth-delegator.",
            ) from error

    def _remember(self, key: str, namespace: str | None) -> None:
        self._known.pop(key, None)
        self._known[key] = (self._clock() + (UNKNOWN_S if namespace is None else KNOWN_S), namespace)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
