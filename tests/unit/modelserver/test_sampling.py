"""How tokens are picked, on a distribution small enough to check by hand."""

import numpy as np
import pytest

from evallab.modelserver.reference.checkpoint import Array
from evallab.modelserver.reference.sampling import Sampling, choose, distribution, most_likely

ROW: Array = np.log(np.array([0.1, 0.4, 0.2, 0.3], np.float32))


def test_greedy_takes_the_most_likely_and_the_lowest_id_among_equals() -> None:
    greedy = Sampling(1, temperature=0)
    assert choose(ROW, greedy, np.random.default_rng(0)) == 1
    assert choose(np.zeros(4, np.float32), greedy, np.random.default_rng(0)) == 0


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(1), [0.1, 0.4, 0.2, 0.3]),
        (Sampling(1, temperature=0.5), [1 / 30, 16 / 30, 4 / 30, 9 / 30]),
        (Sampling(1, top_k=2), [0, 4 / 7, 0, 3 / 7]),
        (Sampling(1, top_k=9), [0.1, 0.4, 0.2, 0.3]),
        (Sampling(1, top_p=0.65), [0, 4 / 7, 0, 3 / 7]),
        (Sampling(1, top_p=0.1), [0, 1, 0, 0]),
        (Sampling(1, top_k=2, top_p=0.5), [0, 1, 0, 0]),
    ],
)
def test_distribution(sampling: Sampling, expected: list[float]) -> None:
    assert distribution(ROW, sampling) == pytest.approx(expected, abs=1e-6)


def test_a_seed_repeats_itself() -> None:
    def draw(seed: int) -> list[int]:
        random = np.random.default_rng(seed)
        return [choose(ROW, Sampling(1), random) for _ in range(20)]

    assert draw(5) == draw(5)
    assert draw(5) != draw(6)


def test_draws_follow_the_distribution() -> None:
    random = np.random.default_rng(1)
    counts = np.bincount([choose(ROW, Sampling(1), random) for _ in range(4000)], minlength=4)
    assert counts / 4000 == pytest.approx([0.1, 0.4, 0.2, 0.3], abs=0.03)


def test_choices_of_a_request_count_the_seed_up() -> None:
    assert Sampling(1, seed=7).of_choice(2) == Sampling(1, seed=9)
    assert Sampling(1).of_choice(2) == Sampling(1)


def test_most_likely() -> None:
    rows = np.stack([ROW, ROW[::-1]])
    assert most_likely(rows, 0).tolist() == [[], []]
    assert most_likely(rows, 1).tolist() == [[1], [2]]
    assert most_likely(rows, 3).tolist() == [[1, 3, 2], [2, 0, 1]]
