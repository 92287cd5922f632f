# ruff: noqa: S310, T201
"""What `helm test` does: make an EvalJob, wait until it is Finished, say how it ended; delete it if all was well."""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ACCOUNT = Path(os.environ.get("SERVICE_ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))
API = os.environ["API"]
NAMESPACE = os.environ["NAMESPACE"]
PATH = f"/apis/evallab.dev/v1alpha1/namespaces/{NAMESPACE}/evaljobs"


def ask(method, path, body=None):
    """Ask the API server; None where there is nothing."""
    headers = {
        "Authorization": f"Bearer {(ACCOUNT / 'token').read_text(encoding='utf-8').strip()}",
        "Content-Type": "application/json",
    }
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(API + path, data=data, headers=headers, method=method)
    trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    try:
        with urllib.request.urlopen(request, timeout=10, context=trust) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        sys.exit(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}")


def look(name):
    """Return the EvalJob's conditions by type; what does not answer now is asked again."""
    try:
        found = ask("GET", f"{PATH}/{name}")
    except OSError as error:
        print(f"the API server does not answer: {error}", flush=True)
        return {}
    if found is None:
        sys.exit(f"EvalJob {name} is gone")
    return {each["type"]: each for each in found.get("status", {}).get("conditions", [])}


def told(conditions):
    """Say what the conditions say, a line each."""
    return "\n".join(
        f"  {each['type']}={each['status']} {each.get('reason', '')}: {each.get('message', '')}"
        for each in conditions.values()
    )


def ended(name, seconds):
    """Return the conditions when it is Finished, or what they are when the time is over."""
    end = time.monotonic() + seconds
    shown = ""
    while True:
        conditions = look(name)
        if told(conditions) != shown:
            shown = told(conditions)
            print(f"{name}:\n{shown}", flush=True)
        if conditions.get("Finished", {}).get("status") == "True" or time.monotonic() > end:
            return conditions
        time.sleep(1)


made = ask("POST", PATH, json.loads(os.environ["MANIFEST"]))
if made is None:
    sys.exit("EvalJobs are not known here: install the CustomResourceDefinition (crds.enabled=true)")
name = made["metadata"]["name"]
conditions = ended(name, float(os.environ["SECONDS_TO_WAIT"]))
if conditions.get("Finished", {}).get("status") != "True":
    sys.exit(f"EvalJob {name} was not Finished in time; see: kubectl -n {NAMESPACE} describe ej {name}")
if conditions.get("Complete", {}).get("status") != "True":
    sys.exit(f"EvalJob {name} did not complete; see: kubectl -n {NAMESPACE} describe ej {name}")
ask("DELETE", f"{PATH}/{name}")
print("The installation works.")
