"""A small adapter on the real SDK: asks `questions` questions, `concurrency` at once; marks an answer by its hash."""

import asyncio
import hashlib
import sys

from evallab.adapter.answer import Answer, Request
from evallab.adapter.attempt import Attempt
from evallab.adapter.client import OpenAIClient
from evallab.adapter.connection import Connection, Patience
from evallab.adapter.endpoint import endpoint
from evallab.adapter.interface import ReportProgress, Scored
from evallab.adapter.running import run
from evallab.adapter.spool import SPOOL_FILE, Spool
from evallab.api.contract import Counts, Sample, ScoreValue


class Asking:
    """The smallest adapter that resumes."""

    def initialize(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.spool = Spool(attempt.workdir / SPOOL_FILE)
        self.prompts = [f"{attempt.spec.benchmark_id} {n}" for n in range(attempt.spec.parameters["questions"])]
        self.answers: list[Answer] = []

    def load(self) -> None:
        pass

    def ask(self, report: ReportProgress) -> None:
        self.answers = asyncio.run(self._ask(report))

    async def _ask(self, report: ReportProgress) -> list[Answer]:
        spec, done = self.attempt.spec, 0
        patience = Patience(concurrency=spec.parameters["concurrency"]).reduced(spec.evallab.concurrency_factor)

        def answered(_position: int, _answer: Answer) -> None:
            nonlocal done
            done += 1
            report(done, len(self.prompts))

        requests = [
            Request(route="completions", payload={"model": spec.model.name, "prompt": prompt, "max_tokens": 8})
            for prompt in self.prompts
        ]
        async with Connection(patience=patience) as connection:
            client = OpenAIClient(endpoint(spec.model.url), connection)
            return await client.ask_all(requests, spool=self.spool, on_answer=answered)

    def score(self) -> Scored:
        samples = [self._sample(n, answer) for n, answer in enumerate(self.answers)]
        right = [value for sample in samples if (value := sample.scores["acc,none"]) is not None]
        errors = len(samples) - len(right)
        return Scored(
            scores=(ScoreValue(metric="acc", value=sum(right) / max(len(right), 1), primary=True),),
            counts=Counts(total=len(samples), answered=len(right), errors=errors),
            samples=samples,
            question={"prompts": self.prompts, "dataset": {"name": "counted", "fingerprint": self.prompts[0]}},
        )

    def _sample(self, number: int, answer: Answer) -> Sample:
        digest = hashlib.sha256(self.prompts[number].encode()).hexdigest()
        value = None if answer.text is None else float(int(answer.text[-1], 16) % 3 > 0)
        return Sample(
            doc_id=number,
            doc_hash=digest,
            prompt_hash=digest,
            prompt=self.prompts[number],
            response=answer.text,
            scores={"acc,none": value},
            error=answer.error,
        )

    def flush(self) -> None:
        if hasattr(self, "spool"):
            self.spool.flush()

    def close(self) -> None:
        self.spool.close()


if __name__ == "__main__":
    sys.exit(run(Asking()))
