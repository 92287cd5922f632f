"""`make bench`: collect the rows of every `bench_*.py`, print them, and write docs/performance.md.

    python -m benchmarks.run [NAME ...]

With names (`client`, `wall`, …) only those are measured and nothing is written.
"""

import importlib
import logging
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.row import Row

_HERE = Path(__file__).parent
PAGE = _HERE.parent / "docs" / "performance.md"
OPERATOR = "## The operator in a cluster"  #: the part of the page that `benchmarks.operator` writes
_INTRO = """\
# Performance

What evallab itself costs, without a model: a server that answers at once, or after 100 ms, in a process of its own. The
stock `lm_eval` runs beside it on the same machine in the same run; medians of at least three unless a row says
otherwise. Made by

    make bench

which writes this page anew. `benchmarks/` has the scripts; tasks and data are generated.
"""


def main() -> None:
    """Measure and write."""
    logging.disable(logging.WARNING)
    wanted = sys.argv[1:]
    found: dict[str, list[Row]] = {}
    for name in wanted or names():
        sys.stderr.write(f"{name} …\n")
        found[name] = importlib.import_module(f"benchmarks.bench_{name}").rows()
        sys.stdout.write("".join(f"{line(row)}\n" for row in found[name]))
        sys.stdout.flush()
        if not wanted:
            PAGE.write_text(page(found, _machine()))


def names() -> list[str]:
    """Return what there is to measure."""
    return sorted(path.stem.removeprefix("bench_") for path in _HERE.glob("bench_*.py"))


def page(found: dict[str, list[Row]], machine: str) -> str:
    """Return the page."""
    head = "| what | target | measured | met | how |\n|---|---|---|---|---|"
    rows = [line(row) for rows in found.values() for row in rows]
    missed = [row for rows in found.values() for row in rows if row.met is False]
    reasons = (_HERE / "reasons.md").read_text().strip()
    ending = f"{len(missed)} of the targets not met in this run." if missed else "All targets met in this run."
    _, heading, operator = PAGE.read_text().partition(OPERATOR)
    return f"{_INTRO}\n{machine}\n\n{head}\n" + "\n".join(rows) + f"\n\n{ending}\n\n{reasons}\n\n{heading}{operator}"


def line(row: Row) -> str:
    """Return a row of the table."""
    target = "" if row.target is None else f"{'≤' if row.sense == 'at most' else '≥'} {_number(row.target)} {row.unit}"
    met = {True: "yes", False: "**no**", None: ""}[row.met]
    return f"| {row.metric} | {target} | {_number(row.measured)} {row.unit} | {met} | {row.note} |"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _machine() -> str:
    cores, load = os.cpu_count(), os.getloadavg()[0]
    when = datetime.now(UTC).date().isoformat()
    return f"{when}, {cores} cores ({platform.machine()}), load {load:.1f}, Python {platform.python_version()}."


if __name__ == "__main__":
    main()
