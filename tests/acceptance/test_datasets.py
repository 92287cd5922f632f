"""Test data from a hub, for a stock task of the real harness: fetched once, pinned, offline, refused when changed."""

import hashlib
import json
from pathlib import Path

import pytest
from tests.acceptance.command import Command
from tests.integration.datasets.servers import Hub, serving

pytestmark = pytest.mark.slow

README = b"""---
configs:
- config_name: main
  data_files:
  - {split: train, path: main/train.jsonl}
  - {split: test, path: main/test.jsonl}
- config_name: other
  data_files: [{split: test, path: other.jsonl}]
---
"""


def questions(first: int, count: int) -> bytes:
    """Questions in the form of gsm8k."""
    lines = [
        {"question": f"What is {n} plus 1?", "answer": f"It is {n + 1}.\n#### {n + 1}"} for n in range(first, count)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


FILES = {
    "README.md": README,
    "main/train.jsonl": questions(100, 120),
    "main/test.jsonl": questions(0, 6),
    "other.jsonl": b'{"question": "never asked", "answer": "x"}\n',
}
MANIFEST = """
apiVersion: evallab.dev/v1alpha1
kind: EvalJob
metadata: {{name: pinned}}
spec:
  model: {{name: demo, serve: {{runtime: reference, source: {{bundled: demo-q4_0}}}}}}
  benchmarks:
  - providerId: lm_evaluation_harness
    id: gsm8k
    parameters: {{num_fewshot: 1, max_gen_toks: 4}}
    testDataRef: {{hf: {{repoId: acme/exam, revision: main}}, confidential: true}}
  - providerId: lm_evaluation_harness
    id: demo_facts
    parameters: {{limit: 3}}
    testDataRef: {{bundled: fact_question, sha256: {sha256}}}
"""


def test_a_stock_task_reads_the_snapshot_and_a_changed_one_is_refused(evallab: Command, tmp_path: Path) -> None:
    hub = Hub()
    sha = hub.commit(FILES)
    manifest = tmp_path / "pinned.yaml"
    bundled = evallab.json("datasets", "fetch", "bundled:fact_question")["datasets"][0]
    manifest.write_text(MANIFEST.format(sha256=bundled["sha256"]))
    with serving(hub.answer) as server:
        environ = {**evallab.environ, "HF_ENDPOINT": server.url}
        done = evallab("run", "-f", str(manifest), "--local", "--output", "json", environ=environ)
    assert done.returncode == 0, done.stderr + evallab("logs", "pinned").stdout
    report = json.loads(done.stdout)
    assert [(each["id"], each["score"]["n"]) for each in report["benchmarks"]] == [("gsm8k", 6), ("demo_facts", 3)]
    records = evallab.json("show", "pinned", "--provenance")["benchmarks"]
    assert (records["0"]["test_data"]["revision"], records["0"]["test_data"]["asked"]) == (sha, "main")
    assert records["1"]["test_data"]["sha256"] == bundled["sha256"]

    logs = evallab("logs", "pinned", "--benchmark", "gsm8k").stdout
    samples = evallab("samples", "pinned", "--benchmark", "gsm8k", "--output", "json").stdout
    assert "plus 1?" not in logs + samples
    shown = evallab("samples", "pinned", "--benchmark", "gsm8k", "--output", "json", "--confidential").stdout
    assert "What is 3 plus 1?" in shown
    assert "never asked" not in shown

    offline = {**evallab.environ, "EVALLAB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
    again = evallab("run", "-f", str(manifest), "--local", "--output", "json", environ=offline)
    assert again.returncode == 0, again.stderr
    assert {each["comparison"]["verdict"] for each in json.loads(again.stdout)["benchmarks"]} <= {
        "PASS",
        "INCONCLUSIVE",
    }

    [snapshot] = [each for each in evallab.json("datasets", "list")["datasets"] if each["kind"] == "hf"]
    assert (snapshot["revision"], snapshot["confidential"], snapshot["last_used"] is None) == (sha, True, False)
    changed = Path(snapshot["path"], "main", "test.jsonl")
    changed.chmod(0o600)
    changed.write_bytes(FILES["main/test.jsonl"].replace(b"3 plus", b"4 plus"))
    refused = evallab("run", "-f", str(manifest), "--local", "--output", "json", environ=offline)
    assert refused.returncode == 3
    assert json.loads(refused.stdout)["benchmarks"][0]["reason"] == "DatasetChanged"
    verified = evallab("datasets", "verify")
    assert verified.returncode == 3
    assert "main/test.jsonl is different" in verified.stderr


def test_the_commands(evallab: Command, tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text('{"q": 1}\n')
    fetched = evallab.json("datasets", "fetch", str(own), "--pin")["datasets"][0]
    assert fetched["sha256"] == hashlib.sha256(own.read_bytes()).hexdigest()
    assert fetched["pinned"]
    assert evallab("datasets", "verify", fetched["id"][:12]).stdout == f"{fetched['id']}: 1 files, unchanged\n"
    assert fetched["id"] not in evallab("datasets", "gc", "--older-than", "0s").stdout
    evallab.json("datasets", "fetch", str(own), "--unpin")
    assert fetched["id"] in evallab("datasets", "gc", "--older-than", "0s", "--dry-run").stdout
    assert fetched["id"] in evallab("datasets", "gc", "--older-than", "0s").stdout
    wrong = evallab("datasets", "fetch", str(own), "--sha256", "0" * 64)
    assert (wrong.returncode, "hashes to" in wrong.stderr) == (3, True)
    offline = evallab("datasets", "fetch", "hf:acme/exam", environ={**evallab.environ, "EVALLAB_OFFLINE": "1"})
    assert (offline.returncode, "EVALLAB_OFFLINE" in offline.stderr) == (3, True)
    assert evallab("datasets", "fetch").returncode == 2
    assert evallab("datasets", "verify", "nothing").returncode == 2
