"""What an attempt is told of the model that it loads: where its packages, weights and GPUs are."""

import os
import sys
from pathlib import Path

import pytest

from evallab.api.contract import InProcessSpec
from evallab.api.job import HubSource, InProcess
from evallab.engine.in_process import Loaded, facts, hub_of, importable, joined, loaded, path_here

HUB = InProcess(backend="hf", args={"pretrained": "a/b", "revision": "c0ffee", "dtype": "float32", "batch_size": 8})
PACKAGES = f"/e/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


def test_packages_of_an_environment_go_before_evallabs_own() -> None:
    spec = InProcessSpec(backend="hf", pretrained="/w", args={"dtype": "float32", "batch_size": 8})
    gpus = {"CUDA_VISIBLE_DEVICES": "GPU-1"}
    told = loaded(HUB, Path("/w"), "/e/bin/python", gpus)
    assert told == Loaded(spec=spec, env={"PYTHONPATH": PACKAGES, **gpus})
    assert loaded(HUB, Path("/w"), sys.executable, {}) == Loaded(spec=spec)


def test_a_provider_keeps_its_own_variables() -> None:
    assert joined({"PYTHONPATH": "/e", "CUDA_VISIBLE_DEVICES": "1"}, {"PYTHONPATH": "/own", "A": "b"}) == {
        "PYTHONPATH": os.pathsep.join(["/e", "/own"]),
        "CUDA_VISIBLE_DEVICES": "1",
        "A": "b",
    }


def test_weights_are_of_a_hub_or_beside_the_manifest(tmp_path: Path) -> None:
    here = InProcess(backend="hf", args={"pretrained": "./w"})
    assert (hub_of(HUB), hub_of(here)) == (HubSource(repo_id="a/b", revision="c0ffee"), None)
    assert path_here(here, str(tmp_path)) == tmp_path / "w"


def test_the_setup_is_known_by_back_end_parameters_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evallab.engine.in_process._own", {}.get)
    assert facts(HUB, {"lm-eval": "0.4.13", "torch": "2.13.0", "numpy": "2.4.6"}) == {
        "runtime": "in process: lm-eval hf",
        "argv": ["batch_size=8", "dtype=float32"],
        "server": {"version": "lm-eval 0.4.13, torch 2.13.0"},
    }


def test_packages_that_are_missing_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evallab.engine.in_process.find_spec", lambda name: None if name == "accelerate" else name)
    assert (importable("hf"), importable("vllm")) == (False, True)
