"""What the engine acts through, as one frozen value that a composition root makes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from evallab.api.provider import Provider
from evallab.engine import recording
from evallab.engine.data import Datasets
from evallab.engine.models import Models
from evallab.receiver.server import Receiver
from evallab.runtimes.interface import Runtime
from evallab.store.interface import Store


@dataclass(frozen=True, kw_only=True)
class Ports:
    """What the engine acts through; made by a composition root."""

    store: Store
    runtime: Runtime
    receiver: Receiver
    models: Models
    files: recording.Files
    providers: Mapping[str, Provider]
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    datasets: Datasets = field(default_factory=Datasets)
