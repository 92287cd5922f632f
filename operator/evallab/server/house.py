"""Everything that handlers act through, as one frozen value made by the composition roots."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from evallab.server.parts import Jobs, Logs, Queueing, Reports
from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import Store

if TYPE_CHECKING:
    from evallab.server.config import ServerConfig
    from evallab.server.live_catalog import LiveCatalog
    from evallab.server.metrics import Metrics
    from evallab.server.rendered import Rendered
    from evallab.server.stream import Streams


@dataclass(frozen=True, kw_only=True)
class House:
    """The server's parts."""

    store: Store
    catalog: "LiveCatalog"
    config: "ServerConfig"
    receiver: Reports
    files: ArtifactFiles
    queueing: Queueing
    jobs: Jobs
    logs: Logs
    metrics: "Metrics"
    streams: "Streams"
    rendered: "Rendered"
    now: Callable[[], datetime]
    new_id: Callable[[], str]
