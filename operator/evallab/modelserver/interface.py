"""What a model server is to the rest of evallab: a pure function from settings to a command, and the values around it.

The engine and both runtimes call it; nothing here starts a process or opens a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from evallab.api.errors import UsageError


@dataclass(frozen=True)
class ServeRequest:
    """The settings under `model.serve` of a manifest, as a model server needs them."""

    runtime: str
    version: str | None = None
    model: str | None = None
    """A name that the server resolves itself (a Hugging Face repository) where there are no weights on disk."""
    revision: str | None = None
    args: tuple[str, ...] = ()
    command: str | None = None
    """The shell command of the runtime `custom`."""
    health_path: str | None = None
    scores_prompts: bool = True
    """Whether a benchmark of the job asks, or may ask, how likely its prompts are (log-likelihood suites)."""
    batch_invariant: bool = False
    """Whether answers must not depend on what else is computed at the same time."""


@dataclass(frozen=True)
class ServerCommand:
    """How to start a server, and where it answers."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    port: int
    health_path: str
    served_name: str
    base_path: str = "/v1"
    ready_s: float = 120.0
    """How long it may take to become ready when nobody said."""
    dies_unhealthy: bool = False
    """Whether its process may outlive its engine; its health path then answers something else than 200."""
    passes: tuple[str, ...] = ()
    """Beginnings of the variables of our environment that change what it does: passed on, and recorded."""


@dataclass(frozen=True)
class FileDigest:
    """One file of a model."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Fingerprint:
    """What identifies weights: equal fingerprints answer from the same numbers."""

    sha256: str
    files: tuple[FileDigest, ...]


@dataclass(frozen=True)
class ServerFacts:
    """What a running server says about itself; None where it does not say."""

    id: str | None = None
    root: str | None = None
    max_model_len: int | None = None
    version: str | None = None
    models: tuple[str, ...] = field(default=())


class ModelServer(Protocol):
    """One kind of model server."""

    @property
    def name(self) -> str:
        """The value of `serve.runtime` that selects it."""

    def command(
        self,
        serve: ServeRequest,
        *,
        served_name: str,
        port: int,
        weights: Path | None,
        python: str,
        host: str = "127.0.0.1",
    ) -> ServerCommand:
        """Say how to start it; `python` is the interpreter of the environment that holds the engine."""


def weights_required(runtime: str, weights: Path | None) -> Path:
    """Return the path of the weights, or say that this runtime cannot do without."""
    if weights is None:
        raise UsageError(
            f"The runtime {runtime!r} serves weights from a file or directory, and none were given.",
            remedy="Set serve.source to `path`, `bundled`, or another source that can be fetched.",
        )
    return weights


def free_of(runtime: str, args: tuple[str, ...], owned: Mapping[str, str]) -> tuple[str, ...]:
    """Return the user's arguments, or refuse one that evallab sets itself (`owned`: flag → where it comes from)."""
    for arg in args:
        flag = arg.partition("=")[0]
        if flag in owned:
            raise UsageError(
                f"serve.args of the runtime {runtime!r} must not hold {flag}: evallab sets it.",
                remedy=f"Remove it; it comes from {owned[flag]}.",
            )
    return args


OWNED_FLAGS: Mapping[str, str] = {
    "--port": "a free port that evallab picks",
    "--host": "where the server runs (this machine, or a pod)",
    "--name": "model.name",
}
