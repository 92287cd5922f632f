# ruff: noqa: S310
"""The adapter that `helm test` runs: it reports a score of 1, as any adapter reports its own."""

import json
import os
import urllib.request
from pathlib import Path

SPEC = json.loads(Path(os.environ["EVALHUB_JOB_SPEC_PATH"]).read_text(encoding="utf-8"))
EVENTS = f"{SPEC['callback_url']}/api/v1/evaluations/jobs/{SPEC['id']}/events"


def post(status, **more):
    """Report how it goes."""
    about = {"provider_id": SPEC["provider_id"], "id": SPEC["benchmark_id"], "benchmark_index": SPEC["benchmark_index"]}
    event = {"benchmark_status_event": {**about, "status": status, **more}}
    request = urllib.request.Request(
        EVENTS, data=json.dumps(event).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30):
        pass


post("running", phase="running_evaluation")
post("completed", metrics={"works": 1.0})
