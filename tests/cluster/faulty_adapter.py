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
