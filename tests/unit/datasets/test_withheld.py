"""An adapter of confidential data repeats no words that might quote a question."""

from datetime import UTC, datetime

from evallab.adapter.running import _failure
from evallab.api.errors import AdapterFailed

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUOTE = "What is the secret of the guild?"


def test_words_of_others_are_withheld_and_ours_are_not() -> None:
    refused = AdapterFailed(f"The model server refused the request (HTTP 400): {QUOTE}", remedy="Do this.")
    told = _failure(refused, NOW, confidential=True).model_dump_json()
    assert "The model server refused the request (HTTP 400)" in told
    assert "Do this." in told
    assert QUOTE not in told
    assert QUOTE not in _failure(ValueError(QUOTE), NOW, confidential=True).model_dump_json()
    assert QUOTE in _failure(ValueError(QUOTE), NOW, confidential=False).model_dump_json()
