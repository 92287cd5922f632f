"""What a model server of this machine needs before it can start: the weights, and an environment with the engine.

`models` calls it in a thread, for it may take hours; what is here already is found in a moment.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evallab.api.errors import UsageError
from evallab.api.job import HubSource, InProcess, Serve
from evallab.datasets.sources import Source
from evallab.datasets.watch import Watch
from evallab.datasets.weights import Weights, WeightsCache, check_hashes
from evallab.engine import in_process
from evallab.engine.surroundings import sha256_of
from evallab.modelserver.bundled import bundled
from evallab.modelserver.environments import Environments, Tell
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

    def portable(self, argv: Sequence[str], port: int) -> list[str]:
        """Return arguments without what differs from start to start: the environment, the port, where weights lie."""
        names = {sys.executable: "python", str(Path(self.python).with_name("vllm")): "vllm"}
        if self.weights:
            names[str(self.weights)] = self.fetched.repository if self.fetched else self.weights.name
        number = re.compile(rf"(?<!\d){port}(?!\d)")  # a custom command is one argument with the port inside
        return [number.sub("PORT", names.get(part, part)) for part in argv]

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

    def provide(
        self, wanted: Serve | InProcess, manifest_dir: str | None, watch: Watch, *, commit: str | None = None
    ) -> Provided:
        """Bring everything here; `commit` is what a branch meant when this job asked first. Raises EvallabError."""
        if isinstance(wanted, InProcess):
            return self._for_adapters(wanted, manifest_dir, watch, commit)
        return self._for_a_server(wanted, manifest_dir, watch, commit)

    def _for_a_server(self, serve: Serve, manifest_dir: str | None, watch: Watch, commit: str | None) -> Provided:
        fetched = self._fetched(serve.source.hf if serve.source else None, manifest_dir, watch, commit)
        weights = fetched.path if fetched else weights_path(serve, manifest_dir)
        facts = {"weights": fetched.record()} if fetched else {}
        if serve.runtime not in MANAGED:
            return Provided(weights=weights, facts=facts, fetched=fetched)
        if serve.version is None or self.environments is None:
            return Provided(weights=weights, python=self._installed(serve.runtime), facts=facts, fetched=fetched)
        managed = _managed(self.environments, serve.runtime, serve.version, watch.begin)
        return replace(managed, weights=weights, facts={**facts, **managed.facts}, fetched=fetched)

    def _for_adapters(self, asked: InProcess, manifest_dir: str | None, watch: Watch, commit: str | None) -> Provided:
        fetched = self._fetched(in_process.hub_of(asked), manifest_dir, watch, commit)
        here = Provided(weights=None)
        if not in_process.importable(asked.backend):
            if self.environments is None:
                raise UsageError("This process makes no environments.")
            package, number = f"{in_process.HARNESS}[{asked.backend}]", version(in_process.HARNESS)
            here = _managed(self.environments, package, number, watch.begin)
        packages = (here.facts.get("environment") or {}).get("packages", {})
        facts = {"weights": fetched.record()} if fetched else {}
        return replace(
            here,
            weights=fetched.path if fetched else in_process.path_here(asked, manifest_dir),
            facts={**facts, **here.facts, **in_process.facts(asked, packages)},
            fetched=fetched,
        )

    def _fetched(
        self, hub: HubSource | None, manifest_dir: str | None, watch: Watch, commit: str | None
    ) -> Weights | None:
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


def _managed(environments: Environments, package: str, number: str, tell: Tell) -> Provided:
    environment, lock = environments.provide(package, number, tell)
    packages = dict(environment.packages)
    about = {"name": environment.name, "python": environment.python, "packages": packages}
    return Provided(
        weights=None,
        python=str(environment.interpreter),
        facts={"environment": about, "packages_sha256": sha256_of(packages)},
        locks=(lock,),
    )


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
