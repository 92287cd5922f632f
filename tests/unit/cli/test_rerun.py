"""A job that is run again is the recorded one, whichever face it came in; `--set` speaks the EvalJob manifest."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from evallab.api.errors import InvalidManifest
from evallab.catalog import builtin
from evallab.cli.rerun import again
from evallab.local.preparing import Prepared, prepare
from evallab.store.interface import JobRow

ROOT = Path(__file__).parents[3]
EVALHUB = b"""
name: "My EvalHub job"
model: {name: m, url: "http://127.0.0.1:1/v1"}
benchmarks:
- {provider_id: lm_evaluation_harness, id: demo_arith, parameters: {num_examples: 3}}
"""


def recorded(data: bytes) -> tuple[JobRow, Prepared]:
    prepared = prepare(data, file="job.yaml", directory=ROOT, catalog=builtin())
    row = JobRow(
        id="0123456789",
        name=prepared.job.name,
        spec=prepared.job,
        state="completed",
        manifest=prepared.manifest,
        manifest_dir=str(ROOT),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return row, prepared


@pytest.mark.parametrize("data", [(ROOT / "examples" / "quickstart.yaml").read_bytes(), EVALHUB])
def test_it_is_the_same_job_with_the_same_manifest(data: bytes) -> None:
    row, prepared = recorded(data)
    assert again(row, builtin(), ()) == prepared


def test_fields_may_be_changed() -> None:
    row, prepared = recorded(EVALHUB)
    changed = again(row, builtin(), ("spec.retries=7",))
    assert changed.job == prepared.job.model_copy(update={"retries": 7})
    with pytest.raises(InvalidManifest, match=r"spec\.model\.name: must be text"):
        again(row, builtin(), ("spec.model.name=3",))
