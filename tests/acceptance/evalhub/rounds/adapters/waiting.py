"""A process that says nothing: what is to be said of its benchmark, a client posts by hand. Ends when a file is there.

`FOLDER` names where the file `<job>` will be. Parameter: `fails_after` so many seconds it fails, if given.
"""

# ruff: noqa: PTH110, PTH118, PTH123, SIM115
import json
import os
import sys
import time

spec = json.load(open(os.environ["EVALHUB_JOB_SPEC_PATH"]))
if "fails_after" in spec["parameters"]:
    time.sleep(spec["parameters"]["fails_after"])
    sys.exit(1)
while not os.path.exists(os.path.join(os.environ["FOLDER"], spec["id"])):
    time.sleep(0.05)
