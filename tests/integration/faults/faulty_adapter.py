"""An adapter that runs the Python text in the job's parameter `script`; each fault is a few words of it."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.integration.engine.scripted_adapter import PARAMETERS, post, write_result

WORDS = {
    "json": json,
    "os": os,
    "resource": resource,
    "signal": signal,
    "subprocess": subprocess,
    "sys": sys,
    "time": time,
    "Path": Path,
    "post": post,
    "write_result": write_result,
}

if __name__ == "__main__":
    exec(PARAMETERS["script"], WORDS)  # noqa: S102 - the text is the test's own
