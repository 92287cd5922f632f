"""An adapter that does what `parameters.mode` says, with nothing but the standard library: it runs in any Python image.

It is not imported: its text is the command of the provider that the tests of faults install.
"""

import json
import os
import sys
import time
import urllib.request
from pathlib import Path

SPEC = json.loads(Path(os.environ["EVALHUB_JOB_SPEC_PATH"]).read_text())
MODE = SPEC["parameters"].get("mode", "ok")
SECONDS = float(SPEC["parameters"].get("seconds", 600))


def post(status: str, **more: object) -> None:
    event = {
        "provider_id": SPEC["provider_id"],
        "id": SPEC["benchmark_id"],
        "benchmark_index": SPEC["benchmark_index"],
        "status": status,
        **more,
    }
    request = urllib.request.Request(
        f"{SPEC['callback_url']}/api/v1/evaluations/jobs/{SPEC['id']}/events",
        data=json.dumps({"benchmark_status_event": event}).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 204, answer.status


def completed() -> None:
    post("completed", metrics={"exact_match": 0.75})


print(f"mode {MODE}", flush=True)
post("running", phase="running_evaluation")
if MODE == "ok":
    completed()
elif MODE == "twice":
    completed()
    completed()
elif MODE == "exit":
    sys.exit(3)
elif MODE == "once":  # fails the first time; what it leaves in its work directory comes back
    mark = Path(os.environ["EVALLAB_WORKDIR"], "tried.jsonl")
    if not mark.exists():
        mark.write_text('{"tried": 1}\n')
        sys.exit(4)
    print(f"found {mark.read_text().strip()}", flush=True)
    completed()
elif MODE == "memory":
    hoard = []
    while True:
        hoard.append(bytearray(8 << 20))
elif MODE == "sleep":
    time.sleep(SECONDS)
    completed()
elif MODE == "samples":  # leaves files, as adapters of evallab do
    time.sleep(SECONDS)
    folder, result = Path(os.environ["EVALLAB_ARTIFACTS_DIR"]), Path(os.environ["EVALLAB_RESULT_FILE"])
    folder.mkdir(parents=True, exist_ok=True)
    lines = [{"doc_id": n, "doc_hash": f"{n:064x}", "prompt_hash": f"{n:064x}", "prompt": "?"} for n in range(5)]
    (folder / "samples.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    scores = [{"metric": "exact_match", "value": 0.75, "primary": True, "kind": "corpus"}]
    counts = {"total": 5, "answered": 5, "errors": 0}
    said = {"status": "completed", "scores": scores, "counts": counts, "samples": "samples.jsonl"}
    result.with_suffix(".part").write_text(json.dumps(said))
    result.with_suffix(".part").replace(result)
    completed()
elif MODE == "disk":
    with Path("/tmp/filled").open("wb") as file:
        for _ in range(8):
            file.write(os.urandom(8 << 20))
    time.sleep(SECONDS)
elif MODE == "data":  # what the init container brought
    where = SPEC["evallab"]["test_data"]
    print(json.dumps(where), flush=True)
    for name in where["files"]:
        print(name, Path(where["path"], name).read_text().strip(), flush=True)
    completed()
elif MODE == "secrets":  # nothing secret may be where an adapter looks
    seen = [str(path) for path in Path("/var/run/secrets").rglob("*")] if Path("/var/run/secrets").exists() else []
    words = [name for name in os.environ if "TOKEN" in name or "KEY" in name or "DATABASE" in name]
    print(json.dumps({"files": seen, "words": words}), flush=True)
    completed()
elif MODE == "model":
    asked = {"model": SPEC["model"]["name"], "prompt": "2+2=", "max_tokens": 1}
    request = urllib.request.Request(
        SPEC["model"]["url"] + "/completions",
        data=json.dumps(asked).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        print("the model said", json.loads(answer.read())["choices"][0]["text"], flush=True)
    completed()
