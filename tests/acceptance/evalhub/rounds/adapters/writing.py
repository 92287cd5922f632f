"""An adapter on evallab's SDK: its result is a file. Writes down that the file was there.

Parameters: `sleep` seconds before the result, `questions` how many samples it has, `mute` whether the file is all that
it says: no event follows; `dies` whether it kills itself then. `ACKNOWLEDGED` names the folder of what was noted.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from evallab.adapter.attempt import Attempt, read_attempt
from evallab.adapter.durable import write_result, write_samples
from evallab.adapter.interface import ReportProgress, Scored
from evallab.adapter.running import run
from evallab.api.contract import SAMPLES_FILE, Counts, Result, Sample, ScoreValue

ATTEMPT = os.environ["EVALLAB_ATTEMPT_ID"]
VALUE = int(hashlib.sha256(ATTEMPT.encode()).hexdigest()[:12], 16) / 16**12


class Writing:
    """The smallest adapter with samples."""

    def initialize(self, attempt: Attempt) -> None:
        self.parameters = attempt.spec.parameters

    def load(self) -> None:
        pass

    def ask(self, report: ReportProgress) -> None:
        time.sleep(self.parameters.get("sleep", 0))
        report(1, 1)

    def score(self) -> Scored:
        number = self.parameters["questions"]
        return Scored(
            scores=(ScoreValue(metric="acc", value=VALUE, primary=True, kind="corpus"),),
            counts=Counts(total=number, answered=number, errors=0),
            samples=[_sample(each) for each in range(number)],
        )

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def _sample(number: int) -> Sample:
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return Sample(
        doc_id=number, doc_hash=digest, prompt_hash=digest, prompt="?", response=ATTEMPT, scores={"asked,none": 1.0}
    )


def mute(attempt: Attempt) -> None:
    """Leave files and say nothing."""
    adapter = Writing()
    adapter.initialize(attempt)
    time.sleep(attempt.spec.parameters.get("sleep", 0))
    scored = adapter.score()
    write_samples(attempt.samples_file, scored.samples)
    write_result(
        attempt.result_file,
        Result(status="completed", scores=scored.scores, counts=scored.counts, samples=SAMPLES_FILE),
    )


def main() -> int:
    attempt = read_attempt(os.environ)
    if attempt.spec.parameters.get("mute"):
        mute(attempt)
    elif run(Writing()):
        return 1
    spec = attempt.spec
    said = {"job": spec.id, "index": spec.benchmark_index, "attempt": ATTEMPT, "value": VALUE, "how": "writing"}
    Path(os.environ["ACKNOWLEDGED"], ATTEMPT).write_text(json.dumps(said) + "\n")
    if spec.parameters.get("dies"):
        os.kill(os.getpid(), signal.SIGKILL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
