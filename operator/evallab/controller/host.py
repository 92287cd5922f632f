"""kopf as host of the watches: it lists, watches, reconnects. Its handlers hand objects over and do nothing else.

None of its machinery for handlers that remember (annotations, finalizers, retries) is used, nor its indexes, which are
quadratic at the start, nor a limit on its workers, which makes idle ones hold their place. It copies every object three
times to see what differs from the last one that a handler remembered; nothing here does, so there is nothing to copy.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import kopf

from evallab.kubeapi.interface import EVALJOB, JOB, POD, Kind
from evallab.planning.cluster import labels

Json = dict[str, Any]
Saw = Callable[[Kind, str | None, Json], None]  #: kind, type of the event (None: it was there before), object


class _NoDifferences(kopf.DiffBaseStorage):
    """What kopf compares objects with: nothing, so that it copies none."""

    def build(self, **_: Any) -> Any:
        """Return that an object says nothing."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Return that none was seen before."""

    def store(self, **_: Any) -> None:
        """Store nothing."""


class _NoProgress(kopf.ProgressStorage):
    """Where kopf would note how far its handlers are: nowhere."""

    def clear(self, *, essence: Any) -> Any:
        """Return it as it is: no notes are in it."""
        return essence

    def fetch(self, **_: Any) -> None:
        """Return that nothing was noted."""

    def store(self, **_: Any) -> None:
        """Store nothing."""

    def purge(self, **_: Any) -> None:
        """Remove nothing."""

    def touch(self, **_: Any) -> None:
        """Change nothing."""


def registry(saw: Saw, configuration: Any) -> kopf.OperatorRegistry:
    """Return the handlers; `configuration` is that of the official client."""
    made = kopf.OperatorRegistry()

    @kopf.on.login(registry=made)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection(configuration)

    for kind in (EVALJOB, JOB, POD):
        _watched(made, kind, saw)
    return made


def _watched(made: kopf.OperatorRegistry, kind: Kind, saw: Saw) -> None:
    async def handler(event: Mapping[str, Any], **_: Any) -> None:
        saw(kind, event["type"], event["object"])

    kopf.on.event(kind.group or "", kind.version, kind.plural, registry=made, id=f"saw-{kind.plural}")(handler)


async def connection(configuration: Any) -> kopf.ConnectionInfo:
    """Return how to reach the API server as the official client does; asked again when credentials expired."""
    header = await configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    token = (header or "").rpartition(" ")[2]
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        scheme="Bearer" if token else None,
        token=token.strip() or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        username=configuration.username or None,
        password=configuration.password or None,
    )


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings for ten thousand objects and no rights but to watch them."""
    made = kopf.OperatorSettings()
    made.scanning.disabled = True
    made.posting.enabled = False
    made.peering.standalone = True
    made.networking.request_timeout = 30
    made.networking.connect_timeout = 10
    made.networking.error_backoffs = (0.5, 1, 2, 3, 5, 8)
    made.watching.server_timeout = 240
    made.watching.client_timeout = 300
    made.watching.connect_timeout = 10
    made.watching.chunk_size = 500
    made.queueing.idle_timeout = 0.1
    made.queueing.exit_timeout = 1
    made.execution.default_backoff = 5
    made.persistence.diffbase_storage = _NoDifferences()
    made.persistence.progress_storage = _NoProgress()
    for kind in (JOB, POD):
        made.watching.label_selectors[kind.group or "", kind.version, kind.plural] = labels.MANAGED
    return made


async def watch(saw: Saw, configuration: Any, namespaces: Sequence[str]) -> None:
    """Watch until cancelled, or until kopf gives up: then this process has to end; no namespaces means all."""
    await kopf.operator(
        registry=registry(saw, configuration),
        settings=settings(),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=tuple(namespaces),
    )
