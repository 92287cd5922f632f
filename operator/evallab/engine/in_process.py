"""What a model inside an adapter's process needs there: its weights, the packages of its back end, its GPUs.

`models` has it brought here as it has what a model server needs, and `launching` hands it to each attempt.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evallab.api.contract import InProcessSpec
from evallab.api.job import HubSource, InProcess
from evallab.planning.in_process_checks import is_path

HARNESS = "lm-eval"
_IMPORTED = {"hf": ("torch", "transformers", "accelerate"), "vllm": ("vllm",)}  #: by back end
_TOLD = (HARNESS, "torch", "transformers", "vllm")  #: whose versions change the arithmetic


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What attempts are told of the model that they load: what, and with which variables."""

    spec: InProcessSpec
    env: Mapping[str, str] = field(default_factory=dict)


def importable(backend: str) -> bool:
    """Say whether evallab's own environment has the packages of a back end."""
    return all(find_spec(name) for name in _IMPORTED[backend])


def hub_of(asked: InProcess) -> HubSource | None:
    """Return the repository that holds the weights; None for a path."""
    pretrained = str(asked.args["pretrained"])
    return None if is_path(pretrained) else HubSource(repo_id=pretrained, revision=asked.args.get("revision"))


def path_here(asked: InProcess, manifest_dir: str | None) -> Path:
    """Return the directory that a path of the manifest names."""
    return (Path(manifest_dir or ".") / Path(str(asked.args["pretrained"])).expanduser()).resolve()


def loaded(asked: InProcess, weights: Path | None, python: str, gpus: Mapping[str, str]) -> Loaded:
    """Return what an attempt is told; `python` is the interpreter whose packages go before evallab's own."""
    args = {name: value for name, value in asked.args.items() if name not in {"pretrained", "revision"}}
    spec = InProcessSpec(backend=asked.backend, pretrained=str(weights), args=args)
    return Loaded(spec=spec, env={**packages_first(python), **gpus})


def packages_first(python: str) -> dict[str, str]:
    """Return the variable by which the packages of an environment are found first, and evallab's own after them.

    Both have the same Python (`modelserver.environments`), so compiled packages fit.
    """
    if python == sys.executable:
        return {}
    major, minor = sys.version_info[:2]
    return {"PYTHONPATH": str(Path(python).parents[1] / "lib" / f"python{major}.{minor}" / "site-packages")}


def joined(first: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    """Return variables together; paths of packages are joined, all others of `first` win."""
    paths = [each["PYTHONPATH"] for each in (first, env) if each.get("PYTHONPATH")]
    return {**env, **first, **({"PYTHONPATH": os.pathsep.join(paths)} if paths else {})}


def facts(asked: InProcess, packages: Mapping[str, str]) -> dict[str, Any]:
    """Return what identifies the setup, in the words of a model server's record; no packages: those of evallab."""
    versions = {name: packages.get(name) or _own(name) for name in _TOLD}
    args = {name: value for name, value in asked.args.items() if name not in {"pretrained", "revision"}}
    return {
        "runtime": f"in process: {HARNESS} {asked.backend}",
        "argv": [f"{name}={value}" for name, value in sorted(args.items())],
        "server": {"version": ", ".join(f"{name} {number}" for name, number in versions.items() if number)},
    }


def _own(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
