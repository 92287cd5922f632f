"""Events on EvalJobs: why one failed, nothing of those that completed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from evallab.controller.objects import known
from evallab.controller.telling import event, news


def _status(*said: str) -> dict[str, Any]:
    words = (each.split() for each in said)
    return {"conditions": [{"type": kind, "status": truth, "reason": "R", "message": "M"} for kind, truth in words]}


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ((), ("Accepted True", "Complete False"), []),
        (("Accepted True", "Failed False"), ("Accepted True", "Failed True"), ["Failed"]),
        (("Accepted True", "Failed True"), ("Accepted True", "Failed True"), []),
        ((), ("Accepted False", "Failed True"), ["Accepted"]),
        (("Accepted True",), ("Accepted True", "Complete True", "Finished True"), []),
    ],
)
def test_what_is_worth_an_event(before: tuple[str, ...], now: tuple[str, ...], told: list[str]) -> None:
    assert [each["type"] for each in news(_status(*before), _status(*now))] == told


def test_an_event_names_its_object_and_is_there_once() -> None:
    body = {"metadata": {"uid": "12345678-90", "namespace": "team", "name": "one"}}
    condition = {"type": "Failed", "status": "True", "reason": "OOMKilled", "message": ""}
    found = event(known(body), condition, datetime(2026, 1, 2, tzinfo=UTC))
    assert (found["metadata"], found["type"], found["reason"], found["message"]) == (
        {"name": "one.12345678.failed", "namespace": "team"},
        "Warning",
        "OOMKilled",
        "OOMKilled",
    )
    assert found["involvedObject"]["uid"] == "12345678-90"
