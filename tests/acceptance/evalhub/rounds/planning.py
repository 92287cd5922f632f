"""What happens in each round, drawn from a seed: which jobs are asked for, who is killed, and when. Pure.

The plan of a round depends on the seed and the round's number alone; what the processes are doing at that moment is up
to the machine.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = ("posting", "posting", "posting", "writing", "by hand")
VICTIMS = ("server", "server", "server", "adapter", "adapter", "postgres", "postgres", "mailbox", "shim", "nobody")
PAIRS = (
    ("server", "postgres"), ("server", "mailbox"), ("server", "adapter"), ("postgres", "mailbox"),
    ("adapter", "postgres"), ("adapter", "mailbox"), ("supervisor", "server"), ("server", "server"),
)  # fmt: skip
ROOMS = {"posting": (0.0, 1.5), "writing": (0.0, 0.6), "by hand": (0.0, 1.5)}


@dataclass(frozen=True)
class Wish:
    """One job to ask for."""

    key: str  #: of idempotency
    by_hand: bool
    benchmarks: tuple[Mapping[str, Any], ...]
    after_s: float  #: events by hand, or the cancelling, come so long after the job was taken
    cancel: bool = False
    lingers: bool = False  #: the process of a job by hand does not end by itself


@dataclass(frozen=True)
class Round:
    """One round."""

    number: int
    wishes: tuple[Wish, ...]
    moment_s: float  #: from the first request to the kill
    victims: tuple[str, ...]
    between_s: float  #: from the first victim to the second
    pause_s: float  #: for so long a killed server is not there
    provider: bool  #: whether somebody makes a provider over REST


def planned(seed: int, number: int) -> Round:
    """Return the plan of a round."""
    rng = random.Random(f"{seed}/{number}")  # noqa: S311
    victims = rng.choice(PAIRS) if rng.random() < 0.25 else (rng.choice(VICTIMS),)
    return Round(
        number=number,
        wishes=tuple(_wish(rng, f"{seed}-{number}-{each}") for each in range(rng.randint(2, 3))),
        moment_s=rng.uniform(0, 2.0),
        victims=tuple(each for each in victims if each != "nobody"),
        between_s=rng.choice((0.0, rng.uniform(0, 0.5))),
        pause_s=rng.choice((0.0, rng.uniform(0, 2.5))),
        provider=rng.random() < 0.2,
    )


def _wish(rng: random.Random, key: str) -> Wish:
    kind = rng.choice(KINDS)
    by_hand = kind == "by hand"
    benchmarks = [_benchmark(rng, kind)] if by_hand else [_benchmark(rng, kind) for _ in range(rng.randint(1, 3))]
    return Wish(
        key=key,
        by_hand=by_hand,
        benchmarks=tuple(benchmarks),
        after_s=rng.uniform(0, 1.5),
        cancel=not by_hand and rng.random() < 0.1,
        lingers=rng.random() < 0.2,
    )


def _benchmark(rng: random.Random, kind: str) -> dict[str, Any]:
    if kind == "by hand":
        fails = {"fails_after": round(rng.uniform(0, 0.5), 3)} if rng.random() < 0.4 else {}
        return {"id": "a", "provider_id": "waiting", "parameters": fails}
    kind = rng.choice((kind, kind, "posting", "writing"))
    parameters: dict[str, Any] = {"sleep": round(rng.uniform(*ROOMS[kind]), 3), "dies": rng.random() < 0.15}
    if kind == "writing":
        parameters |= {"questions": rng.randint(1, 20), "mute": rng.random() < 0.4}
    return {"id": "a", "provider_id": kind, "parameters": parameters}
