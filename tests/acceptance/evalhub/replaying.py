"""Judges a replay: every difference from EvalHub is listed here, once, with its reason; anything else is a mistake.

`test_replay` asks `judge`; the tables are also a part of docs/reference/evalhub-compatibility.md (`section`), written by
`python -m tests.acceptance.evalhub.replaying` and compared by a test.
"""

# ruff: noqa: E501 (a row of a table is a line)
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tests.acceptance.evalhub.comparing import Finding

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "evalhub-compatibility.md"
BEGIN, END = "<!-- generated: differences -->\n", "<!-- end: differences -->\n"


@dataclass(frozen=True)
class Row:
    """Where answers differ: in which samples, at which places (`*` is one step, `**` any), and why.

    `ours` says what this server answers at such places instead; None: anything, as the reason says.
    """

    samples: str
    places: str
    reason: str
    ours: Any = None

    def allows(self, name: str, finding: Finding) -> bool:
        """Tell whether a finding is what this row says."""
        here = any(fnmatchcase(name, each) for each in self.samples.split())
        there = any(_pattern(each).fullmatch(finding.path) for each in self.places.split())
        return here and there and (self.ours is None or finding.got == self.ours)


_OTHER = "status headers.* body body.**"
#: Where the same thing has another value, another place or is missing.
# fmt: off
DIFFERENCES = (
    Row("*", "headers.access-control-allow-headers", "pages may send the tenant, the user, an idempotency key and the last event's id, too"),
    Row("cancel* delete_hard harddel_* ev_*", "headers.content-type", "an answer without a body has no content type"),
    Row("job_create", _OTHER, "exports are not in this version yet: 400 `not_supported`, rather than accepting and not exporting"),
    Row("job_get_* get_fail", "body.status.benchmarks body.results.benchmarks", "benchmarks are listed by their index, not by who reported first"),
    Row("job_get_*", "body.results.test.score", "`lower_is_better` of the provider counts in the mean, too: (2·0.7 + (1−0.1))/3", (2 * 0.7 + 0.9) / 3),
    Row("job_get_* get_coll get_fail", "body.results.benchmarks.*.metrics_schema.*.type", "a text metric without a schema is `categorical`, not `numeric`", "categorical"),
    Row("logs_bad_index", _OTHER, "a benchmark that the job does not have is 404 `resource_not_found`, not an empty log"),
    Row("logs_after_409 logs_after_cancel", "body.lines body.lines.*", "logs stay when a job is cancelled, and when it cannot be"),
    Row("get_badcmd get_true", "body.status.state", "every exit is seen: the job ends instead of pending for ever", "failed"),
    Row("get_badcmd get_true", "body.status.message.message body.status.message.message_code", "and its message says why"),
    Row("get_coll", "body.results.test.score body.results.benchmarks.0.metrics.acc body.results.benchmarks.0.test.primary_score body.results.test.pass body.results.benchmarks.0.test.pass", "the parameters that a job gives win over those of its collection: `acc` is the job's 0.1"),
    Row("ev_get3", "body.status.state body.status.benchmarks.0.status", "a benchmark that runs does not become pending again", "running"),
    Row("ev_get3", "body.status.message.message", "and its job's message says so", "Evaluation job is running"),
    Row("prov_create", "body.runtime.k8s.CPURequest", "`cpu_request` is kept, not dropped", "1"),
    Row("provider_get providers_list", "body.runtime.k8s.Env body.items.*.runtime.k8s.Env body.items.*.runtime.k8s.Entrypoint", "lists are never null", []),
    Row("prov_create_min", "body.benchmarks", "lists are never null: EvalHub's own client fails on that", []),
    Row("prov_patch_object", _OTHER, "a JSON object is a merge patch (RFC 7386), as EvalHub's client and command send it; JSON Patch works, too"),
    Row("coll_patch_bench_rm", _OTHER, "what a patch makes is validated: a collection without benchmarks is 400 `request_validation_failed`"),
    Row("coll_list_sort providers_list", "body.items", "lists are newest first (then by id), not in the reverse order of random ids"),
    Row("jobs_err_badjson", "body.message", "the words about what is wrong in a JSON text are those of another decoder"),
)
#: What there is in addition; clients ignore what they do not know.
ADDITIONS = (
    Row("job_get_pending", "body.status.queue", "the place in the queue"),
    Row("job_get_pending get_badcmd get_true", "body.status.benchmarks", "all benchmarks are listed from the start, so that a half-done job is not taken for a finished one"),
    Row("*", "body.status.started_at body.status.completed_at body.status.duration_seconds", "when the job ran"),
    Row("*", "body.status.reason body.status.detail", "why a job ended as it did"),
    Row("*", "body.status.benchmarks.*.started_at body.status.benchmarks.*.completed_at body.status.benchmarks.*.duration_seconds", "when a benchmark ran, as its adapter said or as it was measured"),
    Row("*", "body.status.benchmarks.*.reason body.status.benchmarks.*.attempt", "why it ended, and which attempt it is"),
    Row("*", "body.status.benchmarks.*.phase body.status.benchmarks.*.warning_message body.status.benchmarks.*.error_message", "what an earlier event said stays until a later one says otherwise"),
    Row("get_badcmd get_true", "body.results.benchmarks", "a benchmark that failed is listed among the results, with its ids"),
    Row("*", "body.results.benchmarks.*.scores", "every number with its interval, validity and number of questions"),
    Row("get_fail", "body.results.test", "the test of a job that failed in parts: it is not passed, and `missing` says whose score lacks", {"score": 0.9, "threshold": 0.5, "pass": False, "missing": [0]}),
    Row("job_logs logs_all", "body.lines.*.evallab body.lines.*.primary_score.lower_is_better", "`job.json` says more"),
    Row("prov_create provider_get providers_list", "body.runtime.** body.items.*.runtime.**", "cluster settings and variables also in snake case, as EvalHub's API description names them"),
    Row("coll_create", "body.problems", "references to what does not exist are named", ['benchmarks[1]: there is no provider "nope"']),
)
# fmt: on
#: What the comparison makes equal first.
NOT_COMPARED: Mapping[str, str] = {
    "ids, traces, times": "every run has its own",
    "the server's address in logs": "each attempt has a callback URL of its own, so that nothing late or foreign is counted",
    "directories of jobs, the command of the test adapter": "another machine",
    "`os_info`, `python_version`, `capture_completeness` of environment cards": "another machine",
    "`exports` of the demonstration job": "refused here (see above); its history is replayed without them",
}
#: What the answers are where a whole answer is another one: status, and the code of an error.
INSTEAD: Mapping[str, tuple[int, str | None]] = {
    "job_create": (400, "not_supported"),
    "logs_bad_index": (404, "resource_not_found"),
    "prov_patch_object": (200, None),
    "coll_patch_bench_rm": (400, "request_validation_failed"),
}


def judge(name: str, findings: Iterable[Finding]) -> Iterator[tuple[Finding, Row | None]]:
    """Yield each finding with the row that allows it; None: a difference that nobody decided."""
    for finding in findings:
        rows = (*DIFFERENCES, *ADDITIONS) if finding.kind == "added" else DIFFERENCES
        yield finding, next((row for row in rows if row.allows(name, finding)), None)


def section() -> str:
    """Return the tables as the page shows them."""
    differ = [f"| {_words(row)} | {row.reason} |\n" for row in DIFFERENCES]
    added = [f"| {_words(row)} | {row.reason} |\n" for row in ADDITIONS]
    equal = [f"| {what} | {why} |\n" for what, why in NOT_COMPARED.items()]
    head = "|---|---|\n"
    return (
        f"| where EvalHub answers otherwise | here, and why |\n{head}{''.join(differ)}\n"
        f"| in addition | what |\n{head}{''.join(added)}\n"
        f"| not compared | why |\n{head}{''.join(equal)}"
    )


def _words(row: Row) -> str:
    places = "the whole answer" if row.places == _OTHER else ", ".join(f"`{each}`" for each in row.places.split())
    samples = "" if row.samples == "*" else " in " + ", ".join(f"`{each}`" for each in row.samples.split())
    return places + samples


def _pattern(places: str) -> re.Pattern[str]:
    steps = re.escape(places).replace(r"\*\*", ".+").replace(r"\*", "[^.]+")
    return re.compile(steps)


if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + BEGIN + section() + END + rest.partition(END)[2])
