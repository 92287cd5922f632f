"""Measures the server alone, beside EvalHub's: `python -m benchmarks.server [--tiny]`. Writes nothing but its table."""

import logging
import sys

from benchmarks.bench_server import rows
from benchmarks.run import line


def main() -> None:
    """Measure and print."""
    logging.disable(logging.WARNING)
    sys.stdout.write("".join(f"{line(row)}\n" for row in rows(tiny="--tiny" in sys.argv[1:])))


if __name__ == "__main__":
    main()
