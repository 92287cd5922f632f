"""`python -m tests.acceptance.evalhub.rounds --rounds 200 --seed 1`: random kill -9 until it is believed.

A server with its embedded Postgres and mailbox brings jobs to their ends while one after the other is killed. Exit code
0 when every job ended and nothing was lost, doubled or left behind; 1 when not, and then the home is kept.
"""

import argparse
import secrets
import sys

from tests.acceptance.evalhub.rounds.rounds import Rounds, details, summary
from tests.acceptance.evalhub.rounds.world import World


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.evalhub.rounds", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    parser.add_argument("--keep", action="store_true", help="keep the home also when all is well")
    told = parser.parse_args()
    world, keep = World.made(), True
    _say(f"home {world.home}, seed {told.seed}")
    try:
        outcome = Rounds(world, told.seed, _say).run(told.rounds)
        keep = told.keep or not outcome.fine
    finally:
        world.leave(keep=keep)
    print(summary(outcome))  # noqa: T201
    if not outcome.fine:
        print(f"\n{details(outcome)}\n\nkept: {world.home}")  # noqa: T201
    return 0 if outcome.fine else 1


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
