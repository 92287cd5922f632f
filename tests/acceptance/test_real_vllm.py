"""The real vLLM, where somebody has one: `make test-vllm VLLM=/path/to/bin/vllm` (the build for CPUs will do)."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.command import Command

VLLM = os.environ.get("VLLM", "")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not VLLM, reason="VLLM names no vllm")]
ON_A_CPU = '["--dtype", "float32", "--enforce-eager"]'
MANIFEST = """
apiVersion: evallab.dev/v1alpha1
kind: EvalJob
metadata: {{name: {name}}}
spec:
  model: {{name: {name}, serve: {{runtime: {runtime}, source: {{bundled: demo-hf}}, args: {args}}}}}
  retries: 0
  benchmarks:
  - {{providerId: lm_evaluation_harness, id: demo_facts, parameters: {{limit: 40}}}}
  - {{providerId: lm_evaluation_harness, id: demo_arith, parameters: {{limit: 20}}}}
"""


def run(evallab: Command, *, runtime: str, args: str) -> tuple[int, Any, str]:
    path = evallab.home / f"{runtime}.yaml"
    path.write_text(MANIFEST.format(name=runtime, runtime=runtime, args=args))
    more = {"VLLM_CPU_KVCACHE_SPACE": "1", "TORCHDYNAMO_DISABLE": "1", "HF_HUB_OFFLINE": "1"}
    environ = {**evallab.environ, **more, "PATH": f"{Path(VLLM).parent}:{evallab.environ['PATH']}"}
    done = evallab("run", "-f", str(path), "--local", "--output", "json", environ=environ)
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def test_vllm_scores_what_the_reference_engine_scores(evallab: Command) -> None:
    (code, ours, said), (other_code, theirs, _) = (
        run(evallab, runtime="vllm", args=ON_A_CPU),
        run(evallab, runtime="reference", args="[]"),
    )
    assert (code, other_code) == (0, 0), (ours, said)
    scores = [[each["score"]["value"] for each in report["benchmarks"]] for report in (ours, theirs)]
    assert scores[0] == pytest.approx(scores[1], abs=0.05)
    record = evallab.json("show", "vllm", "--provenance")["job"]["model_server"]
    assert record["server"]["id"] == "vllm"
    assert "--no-enable-prefix-caching" in record["argv"]


def test_a_vllm_that_does_not_start_says_why(evallab: Command) -> None:
    code, report, said = run(evallab, runtime="vllm", args='["--no-such-flag"]')
    assert code == 3, said
    assert "does not know one of its arguments" in report["message"]
