"""An adapter written against EvalHub's contract alone: no SDK, nothing of evallab.

Parameters: numbers and texts are posted as metrics; `sleep` seconds before the end, `fail` a message to fail with,
`crash` an exit code to leave with, `phase` a phase to report, `say` a line to print, `once` a file: the first attempt
crashes after it made the file.
"""

import json
import os
import sys
import time
import urllib.request
from pathlib import Path

spec = json.loads(Path(os.environ["EVALHUB_JOB_SPEC_PATH"]).read_text())
parameters = dict(spec["parameters"])
HOW = ("sleep", "fail", "crash", "phase", "say", "once", "silent")


def post(**event: object) -> None:
    """Post one event, exactly once, as the SDK does."""
    named = {"provider_id": spec["provider_id"], "id": spec["benchmark_id"], "benchmark_index": spec["benchmark_index"]}
    url = f"{spec['callback_url']}/api/v1/evaluations/jobs/{spec['id']}/events"
    body = json.dumps({"benchmark_status_event": named | event}).encode()
    headers = {"Content-Type": "application/json"}
    token = os.environ.get("EVALHUB_AUTH_TOKEN_PATH")
    if token:
        headers["Authorization"] = "Bearer " + Path(token).read_text().strip()
    urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10)


print(parameters.get("say", "begin"), flush=True)
if not parameters.get("silent"):
    post(status="running", phase=parameters.get("phase", "initializing"))
if parameters.get("once") and not Path(parameters["once"]).exists():
    Path(parameters["once"]).touch()
    sys.exit(7)
time.sleep(parameters.get("sleep", 0))
if "crash" in parameters:
    sys.exit(parameters["crash"])
if "fail" in parameters:
    message = {"message": parameters["fail"], "message_code": "plain_failed", "message_origin": "adapter"}
    post(status="failed", error_message=message)
    sys.exit(1)
post(status="completed", metrics={name: value for name, value in parameters.items() if name not in HOW})
print("end", flush=True)
