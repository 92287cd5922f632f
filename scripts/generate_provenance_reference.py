"""Write docs/reference/provenance.md from the tables of facts; `--check` only says whether it is current.

Run by whoever changed a fact (operator/evallab/planning/provenance); tests/contract/test_provenance_reference.py fails
until then.
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from evallab.planning.provenance import OF_BENCHMARKS, OF_JOBS, Field

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "provenance.md"
HEAD = """\
# What is recorded of a job

<!-- Made by scripts/generate_provenance_reference.py from operator/evallab/planning/provenance; do not edit. -->

`evallab show JOB --provenance` answers what exactly ran, also two years later. Every record has every fact of this
page: where it cannot be known, the record holds null and `unknown` says why. Nothing is guessed, and nothing is
silently missing. Records of earlier versions, imports and results of foreign adapters are completed in the same way
when they are read.

`--diff OTHER` shows what ran otherwise in another job, and whether the two keys are equal. Facts of the **question
key** make two scores answers to the same questions: only then they are compared. Facts of the **setup key** say what
answered. Times and the course of a job differ between any two jobs; they explain nothing and are left out there.

Secrets never enter. A job that holds one in the open (in a URL, in `serve.args`, in a command) is refused, and what
looks like one all the same is replaced by `***`. `parameters` of a benchmark are kept as they are given, but for values
whose name speaks of a secret.

The whole record is JSON: `evallab show JOB --provenance -o json`, `GET /api/v1/evaluations/jobs/{id}/provenance`, the
view `public.provenance`. The path of a fact is its place there; `[]` is each task. A record can hold more than its
facts: what an adapter of one's own puts under `provenance` of its result stands beside them.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join(
        (
            HEAD,
            "## Of a job (`job`)\n",
            *sections(OF_JOBS),
            "## Of each benchmark (`benchmarks.INDEX`)\n",
            *sections(OF_BENCHMARKS),
        )
    )


def sections(fields: Sequence[Field]) -> Iterator[str]:
    """Yield a heading and a table for each group."""
    for group, members in groupby(fields, key=lambda field: field.group):
        yield f"### {group}\n"
        yield "| path | means | type, unit | source | null or unknown | key |"
        yield "|---|---|---|---|---|---|"
        yield from (row(field) for field in members)
        yield ""


def row(field: Field) -> str:
    """Return one fact as a row."""
    absent = "; ".join(
        part
        for part in (f"null: {field.none}" if field.none else "", f"unknown: {field.why}" if field.why else "")
        if part
    )
    kind = f"{field.kind}, {field.unit}" if field.unit else field.kind
    cells = (f"`{field.path}`", field.means, kind, field.source, absent or "always known", field.key)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> None:
    """Write the page, or compare it."""
    made = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made, encoding="utf-8")
        return
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != made:
        sys.exit(f"{PAGE.name} is not what the facts say: run {Path(__file__).name}")
    print("current")


if __name__ == "__main__":
    main()
