"""The port on the official client's asyncio half (`kubernetes.aio`), with dictionaries instead of its models.

Its models cost three times the CPU of the request itself and know only what their release knew. Composition roots call
`in_cluster`, `of_context` or `of_kubeconfig`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio import client as official
from kubernetes.aio import config as configs

from evallab.api.errors import UsageError
from evallab.kubeapi.interface import (
    POD,
    AlreadyExists,
    Conflict,
    Json,
    Kind,
    KubernetesUnavailable,
    Propagation,
    Refused,
)

TIMEOUT_S = 30.0
PAGE = 500
_MERGE = "application/merge-patch+json"
_LATER = {408, 429, 500, 502, 503, 504}


class KubernetesApi:
    """A Kubernetes API server over HTTP."""

    def __init__(self, configuration: Any) -> None:
        """Use a configuration of the official client."""
        configuration.retries = None
        # else each request waits for two threads, which read ~/.netrc and look for a proxy
        configuration.client_session_kwargs = {"trust_env": False}
        configuration.proxy = configuration.proxy or _proxy(configuration.host)
        self._client = official.ApiClient(configuration)

    @property
    def host(self) -> str:
        """Where it is, for people."""
        return str(self._client.configuration.host)

    @property
    def configuration(self) -> Any:
        """How it is reached, for a second client of the same process (`controller.host`)."""
        return self._client.configuration

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Json | None:
        """Return an object, None when it is not there."""
        return await self._object("GET", kind.path(namespace, name))

    async def list(
        self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "", limit: int | None = None
    ) -> list[Json]:
        """Return the objects that match selectors; a kind that the cluster does not have has none."""
        query = {"labelSelector": labels, "fieldSelector": fields, "limit": str(limit or PAGE)}
        found: list[Json] = []
        while True:
            page = await self._object("GET", kind.path(namespace), {k: v for k, v in query.items() if v})
            if page is None:
                return found
            found += page["items"]
            more = page["metadata"].get("continue")
            if not more or limit is not None:
                return found
            query["continue"] = more

    async def create(self, kind: Kind, namespace: str | None, body: Json, *, dry_run: bool = False) -> Json:
        """Create an object and return it. Raises AlreadyExists."""
        query = {"dryRun": "All"} if dry_run else {}
        return _there(await self._object("POST", kind.path(namespace), query, body), kind, namespace)

    async def replace(self, kind: Kind, namespace: str | None, name: str, body: Json) -> Json:
        """Replace an object whose resourceVersion is in `body`. Raises Conflict."""
        return _there(await self._object("PUT", kind.path(namespace, name), {}, body), kind, namespace)

    async def merge(
        self, kind: Kind, namespace: str | None, name: str, patch: Json, *, subresource: str | None = None
    ) -> Json | None:
        """Apply a JSON merge patch and return the object; None when it is not there."""
        return await self._object("PATCH", kind.path(namespace, name, subresource), {}, patch)

    async def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        propagation: Propagation = "Background",
        grace_seconds: int | None = None,
        uid: str | None = None,
    ) -> bool:
        """Delete an object, only the one with that uid if given; return False when it is not there."""
        options: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        try:
            return await self._object("DELETE", kind.path(namespace, name), {}, options) is not None
        except Conflict:  # another one has taken its name
            return False

    async def log(self, namespace: str, pod: str, container: str, query: Mapping[str, str | int]) -> bytes | None:
        """Return a container's log; None when there is none (yet, or any more)."""
        try:
            return await self._bytes("GET", POD.path(namespace, pod, "log"), {"container": container, **query})
        except Refused as error:
            if error.status == 400:  # the container has not started
                return None
            raise

    async def follow_log(
        self, namespace: str, pod: str, container: str, query: Mapping[str, str | int]
    ) -> AsyncIterator[bytes]:
        """Yield a container's log as it is written, until the container ends."""
        asked = {"container": container, "follow": "true", **query}
        response = await self._send("GET", POD.path(namespace, pod, "log"), asked, None, seconds=None)
        try:
            if response.status >= 400:
                return
            async for piece in response.content.iter_any():
                yield piece
        except (aiohttp.ClientError, TimeoutError) as error:
            raise KubernetesUnavailable(_why(error)) from error
        finally:
            response.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def _object(
        self, method: str, path: str, query: Mapping[str, str | int] | None = None, body: Json | None = None
    ) -> Json | None:
        content = await self._bytes(method, path, query or {}, body)
        return None if content is None else cast("Json", json.loads(content))

    async def _bytes(
        self, method: str, path: str, query: Mapping[str, str | int], body: Json | None = None
    ) -> bytes | None:
        response = await self._send(method, path, query, body, seconds=TIMEOUT_S)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise KubernetesUnavailable(_why(error)) from error
        if response.status < 400:
            return content
        if response.status == 404 and method != "POST":
            return None
        raise _error(response.status, content)

    async def _send(
        self, method: str, path: str, query: Mapping[str, str | int], body: Json | None, *, seconds: float | None
    ) -> aiohttp.ClientResponse:
        kind = _MERGE if method == "PATCH" else "application/json"
        headers = {"Accept": "*/*" if path.endswith("/log") else "application/json", "Content-Type": kind}
        request = await self._client.param_serialize(
            method, path, query_params=list(query.items()), header_params=headers, auth_settings=["BearerToken"]
        )
        limit = aiohttp.ClientTimeout(total=seconds, sock_connect=10)
        try:
            answer = await self._client.call_api(method, request[1], request[2], body, _request_timeout=limit)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise KubernetesUnavailable(_why(error)) from error
        return cast("aiohttp.ClientResponse", answer.response)


async def in_cluster() -> KubernetesApi:
    """Use the service account of this pod."""
    configuration = official.Configuration()
    configs.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    return KubernetesApi(configuration)


async def of_context(context: str | None = None, kubeconfig: Path | None = None) -> KubernetesApi:
    """Use a context of a kubeconfig (default: $KUBECONFIG, ~/.kube/config). Raises UsageError."""
    configuration = official.Configuration()
    try:
        await configs.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(kubeconfig) if kubeconfig else None,
            context=context,
            client_configuration=configuration,
            persist_config=False,
        )
    except configs.ConfigException as error:
        raise UsageError(
            f"The kube context {context or 'that is current'!r} cannot be used: {error}",
            remedy="See which there are: kubectl config get-contexts.",
        ) from error
    return KubernetesApi(configuration)


def _proxy(host: str) -> str | None:
    """Return the proxy that the environment names for a host."""
    where = urlsplit(host)
    return None if proxy_bypass(where.hostname or "") else getproxies().get(where.scheme)


def _there(found: Json | None, kind: Kind, namespace: str | None) -> Json:
    if found is None:
        raise Refused(
            404, "NotFound", f"There is no {kind.plural} in namespace {namespace}: is evallab's CRD installed?"
        )
    return found


def _error(status: int, content: bytes) -> Exception:
    try:
        said: Json = json.loads(content)
    except ValueError:
        said = {"message": content.decode("utf-8", "replace")[:500]}
    reason, message = str(said.get("reason") or status), str(said.get("message") or "")
    if status in _LATER:
        return KubernetesUnavailable(f"{status} {reason}: {message}".rstrip(": "))
    if status == 409:
        return (AlreadyExists if reason == "AlreadyExists" else Conflict)(status, reason, message)
    return Refused(status, reason, message)


def _why(error: BaseException) -> str:
    return str(error) or type(error).__name__
