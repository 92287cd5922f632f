"""Bodies that a stranger can send as they are, by the name of the model that reads them; a test reads each of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_JOB = {
    "name": "qwen3-8b-maths",
    "model": {"url": "http://127.0.0.1:8000/v1", "name": "qwen3-8b"},
    "benchmarks": [
        {"provider_id": "lm_evaluation_harness", "id": "gsm8k", "parameters": {"num_fewshot": 5, "limit": 200}}
    ],
}
_EVENT = {
    "benchmark_status_event": {
        "provider_id": "lm_evaluation_harness",
        "id": "gsm8k",
        "benchmark_index": 0,
        "status": "running",
        "phase": "running_evaluation",
    }
}
_PROVIDER = {
    "name": "my-tasks",
    "title": "My tasks",
    "benchmarks": [{"id": "greetings", "name": "Greetings", "category": "chat", "metrics": ["accuracy"]}],
    "runtime": {"local": {"command": "python -m my_adapter"}},
}
_COLLECTION = {
    "name": "maths",
    "category": "reasoning",
    "benchmarks": [{"provider_id": "lm_evaluation_harness", "id": "gsm8k", "weight": 1}],
    "pass_criteria": {"threshold": 0.5},
}
EXAMPLES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "JobRequest": _JOB,
        "StatusEventRequest": _EVENT,
        "ProviderBody": _PROVIDER,
        "CollectionBody": _COLLECTION,
        "CloneBody": {"name": "my maths"},
    }
)
PATCH = ({"op": "replace", "path": "/description", "value": "What it measures"},)
