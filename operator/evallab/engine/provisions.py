"""What a model server of this machine needs before it can start: the weights, and an environment with the engine.

`models` calls it in a thread, for it may take hours; what is here already is found in a moment.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from evallab.api.errors import UsageError
from evallab.api.job import HubSource, Serve
from evallab.datasets.sources import Source
from evallab.datasets.watch import Watch
from evallab.datasets.weights import Weights, WeightsCache, check_hashes
from evallab.engine.surroundings import sha256_of
from evallab.modelserver.bundled import bundled
from evallab.modelserver.environments import Environments
from evallab.modelserver.fingerprint import fingerprint

MANAGED = frozenset({"vllm"})  #: runtimes that live in environments of their own


@dataclass(frozen=True, kw_only=True)
class Provided:
    """What is there now; `locks` are descriptors that the server is to hold, and the caller to close."""

    weights: Path | None
    python: str = sys.executable
    facts: Mapping[str, Any] = field(default_factory=dict)
    locks: tuple[int, ...] = ()
    fetched: Weights | None = None

    def identity(self) -> dict[str, Any]:
        """Return what identifies the weights, read byte for byte. Raises DatasetFailed, NotFound, OSError."""
        if self.weights is None:
            return {}
        found = fingerprint(self.weights)
        if self.fetched:
            check_hashes(self.fetched, {each.name: each.sha256 for each in found.files})
        return {"fingerprint": asdict(found), **quantization(self.weights)}

    def release(self) -> None:
        """Close our copies of the locks."""
        for descriptor in self.locks:
            os.close(descriptor)


@dataclass(frozen=True, kw_only=True)
class Provisions:
    """Weights from hubs, and environments by version; without them only what is on this machine is served."""

    cache: WeightsCache | None = None
    environments: Environments | None = None
    path: str | None = None  #: PATH, where a vLLM may be

    def provide(self, serve: Serve, manifest_dir: str | None, watch: Watch, *, commit: str | None = None) -> Provided:
        """Bring everything here; `commit` is what a branch meant when this job asked first. Raises EvallabError."""
        fetched = self._fetched(serve, manifest_dir, watch, commit)
        weights = fetched.path if fetched else weights_path(serve, manifest_dir)
        facts = {"weights": fetched.record()} if fetched else {}
        if serve.runtime not in MANAGED:
            return Provided(weights=weights, facts=facts, fetched=fetched)
        if serve.version is None or self.environments is None:
            return Provided(weights=weights, python=self._installed(serve.runtime), facts=facts, fetched=fetched)
        environment, lock = self.environments.provide(serve.runtime, serve.version, watch.begin)
        packages = dict(environment.packages)
        about = {"name": environment.name, "python": environment.python, "packages": packages}
        return Provided(
            weights=weights,
            python=str(environment.interpreter),
            facts={**facts, "environment": about, "packages_sha256": sha256_of(packages)},
            locks=(lock,),
            fetched=fetched,
        )

    def _fetched(self, serve: Serve, manifest_dir: str | None, watch: Watch, commit: str | None) -> Weights | None:
        hub = serve.source.hf if serve.source else None
        if hub is None:
            return None
        if self.cache is None:
            raise UsageError("This process fetches no weights.")
        return self.cache.fetch(_source(hub, Path(manifest_dir or "."), commit), watch)

    def _installed(self, runtime: str) -> str:
        """Return the interpreter whose environment holds an engine that somebody installed: ours, or that on PATH."""
        beside = Path(sys.executable).with_name(runtime)
        found = str(beside) if beside.exists() else shutil.which(runtime, path=self.path)
        if found is None:
            raise UsageError(
                f"There is no {runtime} here.",
                remedy="Set serve.version, and evallab makes an environment with that version; or install "
                f"evallab[{runtime}], or put one on PATH.",
            )
        return str(Path(found).with_name("python"))


def quantization(weights: Path) -> dict[str, Any]:
    """Return how weights say that they are quantised; nothing where they do not say it."""
    try:
        said = json.loads((weights / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    method = (said.get("quantization_config") or {}).get("quant_method") if isinstance(said, dict) else None
    return {"quantization": method} if method else {}


def _source(hub: HubSource, directory: Path, commit: str | None) -> Source:
    secret = directory / hub.secret_ref.removeprefix("file://") if hub.secret_ref else None
    return Source(
        kind="hf", location=hub.repo_id, revision=commit or hub.revision, sub_path=hub.sub_path, secret=secret
    )


def weights_path(serve: Serve, manifest_dir: str | None) -> Path | None:
    """Return where the weights lie on this machine; None when the runtime needs none. Raises UsageError, NotFound."""
    source = serve.source
    if source is None:
        return None
    if source.bundled:
        return bundled(source.bundled)
    if source.path:
        return (Path(manifest_dir or ".") / source.path).resolve()
    raise UsageError("One computer serves weights from hf, path and bundled sources.")
