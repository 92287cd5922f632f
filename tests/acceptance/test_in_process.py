"""lm-eval's own back end `hf` in the adapter's process: the scores of the served model, and a clear no where it cannot.

The packages of the back end (PyTorch: 6 GB) are fetched only where somebody asks for that test: EVALLAB_TEST_HF=1.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.command import Command
from tests.integration.modelserver.wheels import uv_environ, wheel

from evallab.modelserver.bundled import bundled

pytestmark = pytest.mark.slow
WANTED = pytest.mark.skipif(not os.environ.get("EVALLAB_TEST_HF"), reason="EVALLAB_TEST_HF is not set")
MANIFEST = """
apiVersion: evallab.dev/v1alpha1
kind: EvalJob
metadata: {{name: {name}}}
spec:
  model: {{name: {name}, {model}}}
  retries: 0
  benchmarks:
  - {{providerId: lm_evaluation_harness, id: demo_facts, parameters: {{limit: 40}}}}
  - {{providerId: lm_evaluation_harness, id: demo_arith, parameters: {{limit: 20}}}}
"""
LOADED = "inProcess: {{backend: hf, parameters: {{pretrained: {path}, device: cpu, dtype: float32, batch_size: 8}}}}"
SERVED = "serve: {runtime: reference, source: {bundled: demo-hf}}"


def run(evallab: Command, name: str, model: str, **environ: str) -> tuple[int, Any, str]:
    path = evallab.home / f"{name}.yaml"
    path.write_text(MANIFEST.format(name=name, model=model))
    done = evallab("run", "-f", str(path), "--local", "--output", "json", environ={**evallab.environ, **environ})
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def samples(evallab: Command, name: str, benchmark: str) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = evallab.json("samples", name, "--benchmark", benchmark, "--limit", "40")["samples"]
    return said


def test_without_the_packages_of_the_back_end_the_job_says_why(evallab: Command, tmp_path: Path) -> None:
    wheel(tmp_path, "9.9.1")  # an index that has something else
    environ = uv_environ(tmp_path, tmp_path / "uv")
    code, report, said = run(evallab, "without", LOADED.format(path=bundled("demo-hf")), **environ)
    assert (code, report["state"], report["reason"]) == (3, "failed", "ModelServerFailed"), said
    assert "The environment of lm-eval[hf]==" in report["message"]
    assert "is in your package index; this is Python" in report["message"]


def test_a_path_that_is_not_there_is_refused_before_anything_starts(evallab: Command) -> None:
    code, _, said = run(evallab, "nowhere", LOADED.format(path="./nowhere"))
    assert (code, "must be the directory of the weights" in said) == (2, True), said


@WANTED
def test_loaded_in_process_it_scores_what_the_served_model_scores(evallab: Command) -> None:
    uv = {name: value for name, value in os.environ.items() if name.startswith(("UV_", "SSL_"))}
    loaded, served = (
        run(evallab, "loaded", LOADED.format(path=bundled("demo-hf")), **uv),
        run(evallab, "served", SERVED),
    )
    assert (loaded[0], served[0]) == (0, 0), (loaded, served)
    scores = [[each["score"]["value"] for each in report["benchmarks"]] for _, report, _ in (loaded, served)]
    assert scores[0] == scores[1]
    pairs = list(zip(samples(evallab, "loaded", "demo_facts"), samples(evallab, "served", "demo_facts"), strict=True))
    ours, theirs = ([json.loads(each[side]["response"]) for each in pairs] for side in (0, 1))
    assert [[value for value, _ in each] for each in ours] == [
        pytest.approx([value for value, _ in each], abs=1e-3) for each in theirs
    ]
    texts = [[each["response"] for each in samples(evallab, name, "demo_arith")] for name in ("loaded", "served")]
    assert texts[0] == texts[1]
    record = evallab.json("show", "loaded", "--provenance")
    server = record["job"]["model_server"]
    assert server["runtime"] == "in process: lm-eval hf"
    assert server["environment"]["packages"]["torch"]
