"""An adapter on evallab's own SDK: asks the model three questions, keeps the answers, and scores them."""

import json
import sys
import urllib.request
from typing import Any

from evallab.adapter.attempt import Attempt
from evallab.adapter.interface import ReportProgress, Scored
from evallab.adapter.running import run
from evallab.adapter.spool import Spool
from evallab.api.contract import Counts, Sample, ScoreValue


class OwnAdapter:
    """Three questions."""

    def initialize(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.spool = Spool(attempt.workdir / "answers.jsonl")

    def load(self) -> None:
        (self.attempt.artifacts_dir / "questions.txt").write_text("three\n")

    def ask(self, report: ReportProgress) -> None:
        for number in range(3):
            self.spool.add(str(number), self._asked({"question": number}))
            report(number + 1, 3)

    def _asked(self, question: dict[str, Any]) -> dict[str, Any]:
        url = f"{self.attempt.spec.model.url}/chat/completions"
        request = urllib.request.Request(url, json.dumps(question).encode(), {"Authorization": "Bearer none"})
        with urllib.request.urlopen(request) as answer:
            return dict(json.load(answer))

    def score(self) -> Scored:
        samples = [
            Sample(doc_id=number, doc_hash="d", prompt_hash="p", response=str(self.spool.get(str(number))))
            for number in range(3)
        ]
        return Scored(
            scores=(ScoreValue(metric="acc", value=0.5, primary=True),),
            counts=Counts(total=3, answered=3),
            samples=samples,
        )

    def flush(self) -> None:
        self.spool.flush()

    def close(self) -> None:
        self.spool.close()


if __name__ == "__main__":
    sys.exit(run(OwnAdapter()))
