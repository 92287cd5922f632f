"""Write docs/reference/database.md from the comments in store/sql/views.sql; `--check` only says whether it is current.

Run by whoever changed a view; tests/contract/test_database_reference.py fails until then.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VIEWS = ROOT / "operator" / "evallab" / "store" / "sql" / "views.sql"
PAGE = ROOT / "docs" / "reference" / "database.md"
ORDER = (
    "scores", "leaderboard", "jobs", "benchmarks", "comparisons", "samples", "attempts", "models", "baselines",
    "artifacts", "provenance", "canary", "telemetry", "events", "audit",
)  # fmt: skip
COMMENT = re.compile(
    r"COMMENT ON (?:VIEW|COLUMN) public\.(?P<view>\w+)(?:\.(?P<column>\w+))? IS\s+'(?P<text>(?:[^']|'')*)';"
)

HEAD = """\
# The database

<!-- Made by scripts/generate_database_reference.py from operator/evallab/store/sql/views.sql; do not edit. -->

Which model, which quantisation, which commit, which score:

```sql
SELECT model, quantisation, evallab_commit, benchmark, metric, score, ci_low, ci_high, validity
FROM scores
WHERE is_primary
ORDER BY finished_at DESC;
```

evallab keeps history and results in Postgres (15 or newer): the embedded one of this machine, or the one that
`EVALLAB_DATABASE_URL` names. Any client can read it. The views below are for people, dashboards and exports, and their
columns stay; the tables behind them (schema `evallab_tables`) may change with any migration. Times are in UTC, hashes
are hex.

Results are inserted and never changed: Postgres refuses UPDATE, DELETE and TRUNCATE on results, scores, samples,
comparisons, provenance and the audit trail, whoever asks. A benchmark that is run again gets a new row, and `scores`
shows the newest. What was found when a job ended (heat, drift) lies beside its scores, and `validity` is the worst of
[both](../explanation/validity.md).
"""


def explained(text: str) -> dict[str, dict[str, str]]:
    """Return view → column → comment, in the order of the file; the view's own comment is under ""."""
    found: dict[str, dict[str, str]] = {}
    for match in COMMENT.finditer(text):
        view = found.setdefault(match["view"], {})
        view[match["column"] or ""] = match["text"].replace("''", "'")
    return found


def page(text: str) -> str:
    """Return the whole page for the text of views.sql."""
    views = explained(text)
    unordered = views.keys() ^ set(ORDER)
    if unordered:
        raise SystemExit(f"Put {', '.join(sorted(unordered))} into ORDER, or take it out.")
    return "\n".join((HEAD, *(section(name, views[name]) for name in ORDER)))


def section(name: str, comments: dict[str, str]) -> str:
    """Return the section of one view."""
    lines = [f"## {name}", "", comments[""], "", "| column | meaning |", "|---|---|"]
    lines += [f"| `{column}` | {cell(comment)} |" for column, comment in comments.items() if column]
    return "\n".join(lines) + "\n"


def cell(comment: str) -> str:
    """Return a comment as a table cell."""
    return comment.replace("|", "\\|")


def main() -> int:
    """Write the page, or compare it."""
    wanted = page(VIEWS.read_text(encoding="utf-8"))
    if "--check" in sys.argv[1:]:
        current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted
        print("current" if current else f"{PAGE.relative_to(ROOT)} is stale: run {Path(__file__).name}")
        return 0 if current else 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
