"""What the operator says where it sees no GPU, and whose jobs it watches."""

from datetime import UTC, datetime
from typing import Any

import pytest

from evallab.api.job import Benchmark, EvalJob, Gpu, Hardware, Model
from evallab.controller import seeing
from evallab.store.interface import JobRow

ONE, NONE = Hardware(gpu=Gpu()), Hardware(gpu=Gpu(count="0"))
EXPORTER = "dcgm-exporter.gpu-operator.svc:9400"


def job(**spec: Any) -> JobRow:
    made = EvalJob(name="j", model=Model(name="m", url="http://x/v1"), **spec)
    return JobRow(id="j", name="j", spec=made, state="running", created_at=datetime(2026, 11, 23, tzinfo=UTC))


@pytest.mark.parametrize(
    ("spec", "asks"),
    [
        ({}, False),
        ({"hardware": Hardware()}, False),
        ({"hardware": NONE}, False),
        ({"hardware": ONE}, True),
        ({"benchmarks": (Benchmark(provider_id="p", id="b", hardware=ONE),)}, True),
        ({"benchmarks": (Benchmark(provider_id="p", id="b", hardware=NONE),), "hardware": ONE}, True),
    ],
)
def test_why_no_gpu_was_seen(spec: dict[str, Any], asks: bool) -> None:
    assert seeing.asks_for_gpus(job(**spec).spec) is asks
    assert seeing.unseen(job(**spec), "") == "cluster: telemetry.dcgm.service of the chart is not set"
    told = "cluster: no dcgm-exporter told of the GPUs of its pods" if asks else "no GPU"
    assert seeing.unseen(job(**spec), EXPORTER) == told
