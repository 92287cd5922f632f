"""A job that a server stored before the operator saw its object."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from evallab.api.job import Benchmark, EvalJob, Model
from evallab.controller.intake import Intake
from evallab.controller.objects import Known
from evallab.store.interface import JobRow

NOW = datetime(2026, 11, 23, tzinfo=UTC)
OBJECT = Known(uid="u", namespace="lab", name="j", version="1", generation=1)
SPEC = EvalJob(
    name="j", model=Model(name="m", url="http://x/v1"), benchmarks=(Benchmark(provider_id="made-just-now", id="b"),)
)


@dataclass
class Catalogue:
    """Hears of a provider when it looks."""

    providers: dict[str, Any] = field(default_factory=dict)
    looks: int = 0

    async def look(self) -> None:
        self.looks += 1
        self.providers["made-just-now"] = object()


@dataclass
class Stored:
    """A store with one job."""

    job: JobRow

    async def snapshot(self, job_id: str, *, deleted: bool) -> "Stored":
        assert (job_id, deleted) == ("u", True)
        return self


@pytest.mark.parametrize(("finished", "looks"), [(None, 1), (NOW, 0)])
async def test_a_provider_that_was_made_a_moment_before_the_job_is_heard_of(
    finished: datetime | None, looks: int
) -> None:
    row = JobRow(id="u", name="j", spec=SPEC, state="pending", created_at=NOW, finished_at=finished)
    catalogue = Catalogue()
    other: Any = None
    intake = Intake(
        store=cast("Any", Stored(row)), catalogue=cast("Any", catalogue), config=other, facts=other, now=lambda: NOW
    )
    assert await intake.take(OBJECT) == await intake.take(OBJECT) == row
    assert catalogue.looks == looks
