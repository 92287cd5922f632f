"""What --benchmark means."""

import pytest

from evallab.api.errors import NotFound, UsageError
from evallab.cli.naming import benchmark_index
from evallab.store.interface import BenchmarkRow

ROWS = [
    BenchmarkRow(job_id="j", index=0, provider_id="p", benchmark_id="gsm8k"),
    BenchmarkRow(job_id="j", index=1, provider_id="q", benchmark_id="gsm8k"),
    BenchmarkRow(job_id="j", index=2, provider_id="p", benchmark_id="mmlu"),
]


@pytest.mark.parametrize(("named", "index"), [("2", 2), ("mmlu", 2), ("p/gsm8k", 0), ("q/gsm8k", 1)])
def test_an_index_an_id_or_a_full_name(named: str, index: int) -> None:
    assert benchmark_index(ROWS, named) == index


def test_what_is_not_unique_is_asked_back() -> None:
    with pytest.raises(UsageError, match="0, 1"):
        benchmark_index(ROWS, "gsm8k")


@pytest.mark.parametrize(("named", "remedy"), [("mmul", "Did you mean 'mmlu'?"), ("7", "It has: gsm8k, gsm8k, mmlu.")])
def test_what_is_not_there_names_the_nearest(named: str, remedy: str) -> None:
    with pytest.raises(NotFound) as caught:
        benchmark_index(ROWS, named)
    assert caught.value.remedy == remedy
