"""Which attempts may report, and with which token: what the desk asks before it takes an event.

With a folder each is a file, so that the mailbox, a process of its own, knows it too, and the server after a restart;
without one they live and die with this process. Filled by the engine, through `receiver.server`.
"""

import secrets
from pathlib import Path

from evallab.api.contract import JobSpec
from evallab.api.errors import BenchmarkFailed
from evallab.receiver.expectation import Expectation, ExpectationFiles, usable

Benchmark = tuple[str, str, str, int]  #: job id, provider id, benchmark id, index


class Expectations:
    """The attempts that are expected."""

    def __init__(self, folder: Path | None = None, *, require_token: bool = False) -> None:
        """Keep them as files of `folder`, or only in memory. `require_token`: of attempts expected from now on."""
        self._require_token = require_token
        self._files = ExpectationFiles(folder) if folder is not None else None
        self._known: dict[str, Expectation] = {}  # oldest first

    def expect(self, attempt_id: str, spec: JobSpec) -> str:
        """Take events of this attempt from now on; return the token it is to show. Raises BenchmarkFailed."""
        token = secrets.token_urlsafe(32)
        if self._files is not None:
            try:
                self._files.write(attempt_id, spec, token, token_required=self._require_token)
            except OSError as error:
                raise BenchmarkFailed(
                    f"Nothing would take the events of the attempt: {error}.",
                    remedy="Make room where EVALLAB_HOME lies, and run it again.",
                ) from error
        self._add(attempt_id, Expectation.of(spec, token, token_required=self._require_token))
        return token

    def adopt(self, attempt_id: str, spec: JobSpec) -> None:
        """Take events of an attempt that runs already: as its file says, else whatever token it shows."""
        self._add(attempt_id, self.find(attempt_id) or Expectation.of(spec, None))

    def forget(self, attempt_id: str) -> None:
        """Take no more events of an attempt."""
        self._known.pop(attempt_id, None)
        if self._files is not None:
            self._files.remove(attempt_id)

    def forget_job(self, job_id: str) -> None:
        """Take no more events of any attempt of a job."""
        self._look()
        for attempt_id in [each for each, known in self._known.items() if known.job_id == job_id]:
            self.forget(attempt_id)

    def find(self, attempt_id: str) -> Expectation | None:
        """Return what is expected of an attempt, whoever expects it; None when nobody does."""
        if not usable(attempt_id):
            return None
        found = self._files.find(attempt_id) if self._files is not None else None
        return found or self._known.get(attempt_id)

    def attempt_of(self, benchmark: Benchmark) -> str | None:
        """Return the newest attempt that is expected of a benchmark."""
        return self._newest(benchmark) or (self._newest(benchmark) if self._look() else None)

    def jobs(self) -> frozenset[str]:
        """Return the jobs of which attempts are expected."""
        self._look()
        return frozenset(each.job_id for each in self._known.values())

    def any(self) -> bool:
        """Say whether any attempt is expected by a file; cheap."""
        return self._files is not None and self._files.any()

    def _add(self, attempt_id: str, expectation: Expectation) -> None:
        self._known.pop(attempt_id, None)
        self._known[attempt_id] = expectation

    def _newest(self, benchmark: Benchmark) -> str | None:
        for attempt_id, each in reversed(self._known.items()):
            if (each.job_id, each.provider_id, each.benchmark_id, each.benchmark_index) == benchmark:
                return attempt_id
        return None

    def _look(self) -> bool:
        """Learn what other processes expect, or a predecessor did; say whether there was anything new."""
        known = len(self._known)
        for attempt_id in self._files.ids() if self._files is not None else ():
            if attempt_id not in self._known and (found := self._files and self._files.find(attempt_id)):
                self._add(attempt_id, found)
        return len(self._known) > known
