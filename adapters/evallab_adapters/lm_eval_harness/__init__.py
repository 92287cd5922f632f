"""The adapter for the EleutherAI lm-evaluation-harness, used as a library. `evallab.adapters` and `-m` start `main`.

The harness builds prompts and scores answers; asking is ours (`evallab.adapter.client`): the prompts are the same, the
answers are kept as they arrive, and what the network lost is missing data instead of a wrong answer.
"""

import sys


def main() -> None:
    """Run the attempt that the environment describes and exit with its code."""
    from evallab.adapter.running import run
    from evallab_adapters.lm_eval_harness.adapter import LmEvalHarness

    sys.exit(run(LmEvalHarness()))
