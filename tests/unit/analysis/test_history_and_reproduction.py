"""The two-sigma rule with its real false-alarm rate, and the window of a repetition."""

import numpy as np
import pytest

from evallab.analysis.history import false_alarm_rate, two_sigma
from evallab.analysis.reproduction import reproduce


@pytest.mark.parametrize(("earlier", "rate"), [(3, 0.113), (5, 0.071), (10, 0.044), (20, 0.033), (100_000, 0.02275)])
def test_the_false_alarm_rate_is_not_what_two_sigma_suggests(earlier: int, rate: float) -> None:
    assert false_alarm_rate(earlier) == pytest.approx(rate, abs=6e-4)


def test_the_rate_is_what_a_simulation_sees() -> None:
    generator = np.random.default_rng(3)
    scores = generator.normal(size=(4000, 6))
    alarms = sum(bool(two_sigma(row[:5], row[5]).alarm) for row in scores)
    assert alarms / 4000 == pytest.approx(false_alarm_rate(5), abs=0.015)


def test_the_rule_is_silent_where_it_would_guess() -> None:
    assert two_sigma([0.8] * 4, 0.1).why == "4 earlier jobs; the rule needs 5"
    assert two_sigma([], 0.1).alarm is None
    same = two_sigma([0.8] * 9, 0.1)
    assert (same.alarm, same.why) == (None, "the earlier scores do not vary: compare answer by answer")


def test_the_rule_looks_in_the_bad_direction() -> None:
    earlier = [0.8, 0.82, 0.78, 0.81, 0.79]
    assert two_sigma(earlier, 0.7).alarm is True
    assert two_sigma(earlier, 0.9).alarm is False
    assert two_sigma(earlier, 0.9, higher_is_better=False).alarm is True


def hashes(first: dict[str, float], changed: int) -> list[tuple[str, str]]:
    return [(name, f"other {name}" if place < changed else name) for place, name in enumerate(first)]


def test_a_repetition_is_bitwise_within_or_neither() -> None:
    first = {str(place): float(place % 4 > 0) for place in range(200)}
    assert reproduce(first, first, hashes=hashes(first, 0)).verdict == "bitwise"
    other_words = reproduce(first, first, hashes=hashes(first, 9))
    assert (other_words.verdict, other_words.texts, other_words.flips) == ("within", 9, 0)
    one = {**first, "1": 0.0}
    assert reproduce(first, one, hashes=hashes(first, 1)).verdict == "within"  # one question, whatever the window
    swapped = {**first, "1": 0.0, "0": 1.0}
    moved = reproduce(first, swapped, hashes=hashes(first, 2))
    assert (moved.verdict, moved.flips, moved.delta) == ("within", 2, 0.0)
    worse = {**first, "1": 0.0, "2": 0.0, "3": 0.0}
    assert reproduce(first, worse, hashes=hashes(first, 3)).verdict == "non-reproducible"


def test_a_small_loss_in_one_direction_is_no_chance() -> None:
    first = {str(place): 1.0 for place in range(2000)}
    again = {**first, **{str(place): 0.0 for place in range(9)}}
    found = reproduce(first, again, hashes=hashes(first, 9))
    assert found.verdict == "non-reproducible"
    assert "one direction" in found.why


def test_other_questions_are_no_repetition() -> None:
    with pytest.raises(ValueError, match="different questions"):
        reproduce({"a": 1.0}, {"b": 1.0}, hashes=[])
    with pytest.raises(ValueError, match="no scores"):
        reproduce({}, {}, hashes=[])
