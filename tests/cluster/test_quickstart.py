"""The outcome that was promised: the file that `evallab run --local` takes, applied to a cluster, unchanged."""

import json

from tests.cluster.images import ROOT
from tests.cluster.installation import Installed, conditions

FILE = ROOT / "examples" / "quickstart.yaml"
SCORES = """
SELECT b.benchmark_id, s.value, s.ci_low IS NOT NULL AS bounded, s.n, s.validity, s.result_id
FROM evallab_tables.scores s JOIN evallab_tables.results r ON r.id = s.result_id
JOIN evallab_tables.job_benchmarks b ON (b.job_id, b.index) = (r.job_id, r.index)
WHERE r.job_id = %s AND s.is_primary ORDER BY b.benchmark_id
"""


def test_the_quickstart(evallab: Installed, namespace: str) -> None:
    evallab.apply(FILE.read_text(), namespace=namespace)
    status = evallab.finished("quickstart", namespace=namespace, seconds=600)
    assert status["phase"] == "Completed", json.dumps(status, indent=1)
    found = conditions(status)
    assert {name: found[name][0] for name in ("Accepted", "ResultsRecorded", "Complete", "Finished")} == dict.fromkeys(
        ("Accepted", "ResultsRecorded", "Complete", "Finished"), "True"
    )
    rows = evallab.rows(SCORES, status["jobId"])
    assert [(row["benchmark_id"], row["value"], row["bounded"], row["validity"]) for row in rows] == [
        ("demo_arith", 0.915, True, "valid"),
        ("demo_complete", 0.575, True, "valid"),
        ("demo_facts", 0.9833333333333333, True, "valid"),
        ("demo_instruct", 0.83, True, "valid"),
    ]
    counted = "SELECT count(*) AS n FROM evallab_tables.samples WHERE result_id = ANY(%s)"
    samples = evallab.rows(counted, [row["result_id"] for row in rows])
    assert samples[0]["n"] == sum(row["n"] for row in rows)
    (record,) = evallab.rows(
        "SELECT count(*) AS n FROM evallab_tables.artifacts WHERE job_id = %s AND kind = 'log'", status["jobId"]
    )
    assert record["n"] >= 4
    printed = evallab.cluster.kubectl("get", "ej", namespace=namespace)
    assert "quickstart" in printed
    assert "demo-f16" in printed
    gone = ("--for=delete", "--timeout=60s", "--selector", "evallab.dev/role=model-server")  # it is removed at the end
    evallab.cluster.kubectl("wait", "job", *gone, namespace=namespace)
