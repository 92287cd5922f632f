"""A small adapter that does what the job's parameters say; started by the engine's tests as a real process."""

import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

SPEC = json.loads(Path(os.environ["EVALHUB_JOB_SPEC_PATH"]).read_text())
PARAMETERS = SPEC["parameters"]


def post(**event: Any) -> None:
    named = {"provider_id": SPEC["provider_id"], "id": SPEC["benchmark_id"], "benchmark_index": SPEC["benchmark_index"]}
    request = urllib.request.Request(
        f"{SPEC['callback_url']}/api/v1/evaluations/jobs/{SPEC['id']}/events",
        data=json.dumps({"benchmark_status_event": {**named, **event}}).encode(),
        method="POST",
    )
    urllib.request.urlopen(request, timeout=10).close()


def write_result(answers: list[float]) -> None:
    lines = []
    for doc_id, value in enumerate(answers):
        digest = hashlib.sha256(str(doc_id).encode()).hexdigest()
        sample = {
            "doc_id": doc_id,
            "doc_hash": digest,
            "prompt_hash": digest,
            "prompt": f"question {doc_id}",
            "response": f"answer {value}",
            "scores": {"acc,none": value},
            "completion_tokens": 3,
        }
        lines.append(json.dumps(sample))
    Path(os.environ["EVALLAB_ARTIFACTS_DIR"], "samples.jsonl").write_text("\n".join(lines) + "\n")
    mean = sum(answers) / len(answers)
    result = {
        "status": "completed",
        "scores": [{"metric": "acc", "filter": "none", "value": float(PARAMETERS.get("mean", mean)), "primary": True}],
        "counts": {"total": len(answers), "answered": len(answers)},
        "question": {"task_hash": "t", "dataset": {"name": "d", "fingerprint": "f"}},
        "samples": "samples.jsonl",
    }
    Path(os.environ["EVALLAB_RESULT_FILE"]).write_text(json.dumps(result))


def main() -> int:
    diary = PARAMETERS.get("diary")
    if diary:
        with Path(diary).open("a") as file:
            file.write(f"start {SPEC['id']}\n")
    if "child" in PARAMETERS:
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        Path(PARAMETERS["child"]).write_text(str(child.pid))
    post(status="running", phase="running_evaluation", progress={"done": 1, "total": 2})
    time.sleep(PARAMETERS.get("sleep", 0))
    if "answers" in PARAMETERS:
        write_result(PARAMETERS["answers"])
    if "metrics" in PARAMETERS:
        post(status="completed", metrics=PARAMETERS["metrics"])
    if "error" in PARAMETERS:
        message = {"message": PARAMETERS["error"], "message_code": "adapter_failed"}
        post(status="failed", error_message=message)
    if diary:
        with Path(diary).open("a") as file:
            file.write(f"end {SPEC['id']}\n")
    return int(PARAMETERS.get("exit", 0))


if __name__ == "__main__":
    sys.exit(main())
