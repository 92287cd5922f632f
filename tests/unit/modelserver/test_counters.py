"""What servers count, read from their pages."""

import pytest

from evallab.modelserver.counters import ServerCounters, counters
from evallab.modelserver.reference.metrics import metrics
from evallab.modelserver.reference.worker import Load

VLLM = """# HELP vllm:num_requests_waiting Number of requests waiting.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="m} odd"} 3.0
vllm:num_requests_waiting{engine="1",model_name="m"} 4.0
vllm:num_preemptions_total{engine="0",model_name="m"} 2.0
vllm:generation_tokens_total{engine="0",model_name="m"} 1.5e+03 1732000000
vllm:generation_tokens_created{engine="0",model_name="m"} 1.7e+09
python_gc_objects_collected_total{generation="0"} 400.0
"""
LLAMACPP = (
    "# TYPE llamacpp:tokens_predicted_total counter\nllamacpp:tokens_predicted_total 42\nllamacpp:requests_deferred 0\n"
)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (VLLM, ServerCounters(tokens=1500, waiting=7, preemptions=2)),
        (LLAMACPP, ServerCounters(tokens=42, waiting=0)),
        ("", ServerCounters()),
        (
            "<html>vllm:generation_tokens_total</html>\nvllm:generation_tokens_total\nvllm:num_requests_waiting{} x",
            ServerCounters(),
        ),
    ],
    ids=["vllm", "llama.cpp", "nothing", "damaged"],
)
def test_pages_of_servers(page: str, expected: ServerCounters) -> None:
    assert counters(page) == expected


def test_the_reference_server_s_page() -> None:
    assert counters(metrics(Load(accepted=3, started=1, generated_tokens=9), 'a "model"')) == ServerCounters(
        tokens=9, waiting=2
    )
