"""Write the tables of docs/reliability.md from the docstrings of the tests; `--check` only says whether it is current.

A test's docstring is a row, with the lines `Ends:`, `Told:` and `Kept:`, in a cluster also `Took:`; the module's
docstring is the heading. Run by whoever changed such a test; tests/contract/test_reliability.py fails until then.
"""

import ast
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reliability.md"
FAULTS = ("adapters", "model_servers", "database", "disk", "clock", "together", "interrupts")
ROUNDS = ("killed_server", "hasty", "away", "successors")
CLUSTER = ("ending", "beginning", "absences", "nodes")
FILES = (
    *(ROOT / "tests" / "integration" / "faults" / f"test_{name}.py" for name in FAULTS),
    *(ROOT / "tests" / "acceptance" / "evalhub" / "rounds" / f"test_{name}.py" for name in ROUNDS),
    *(ROOT / "tests" / "cluster" / "faults" / f"test_{name}.py" for name in CLUSTER),
)
COLUMNS = {
    "Ends": "state and reason",
    "Told": "what the user is told",
    "Kept": "what is kept",
    "Took": "seconds to the end",
}
HEAD = """\
# What goes wrong, and how it ends

<!-- Made by scripts/generate_reliability.py from the tests that it names; do not edit. -->

Everything that can happen to a job ends: with a state, a reason, and what to do about it; nothing hangs, and no sample
is lost or counted twice. Each row is a test with real processes, named in the last column. Reasons are stable words:
they stand in `evallab show`, in the JSON report and in the tables. "After the retries": `spec.retries` further attempts
are made first, and each asks only what is still missing.

In a cluster the seconds to the end are those that one run of the tests took, from the fault (or from making the
EvalJob, where the fault is in it, or from the return of what was away) to the condition `Finished`, on a machine with
two cores shared with others: six to ten of them are the start of a pod. `Finished` comes when Postgres has everything.
"""
FOOT = """\
## At random

The tables name moments that somebody thought of. `python -m tests.acceptance.evalhub.rounds --rounds 200 --seed N`
looks for the others: a server with its embedded Postgres brings jobs to their ends, a few at a time, and in each round
one or two of server, adapter, shim, Postgres, its supervisor and the mailbox get `kill -9` at a random moment. The jobs
are of three kinds: adapters that know EvalHub's contract alone and post their result once, adapters that leave a result
file, and jobs whose events a client posts by hand. Some are cancelled; some adapters kill themselves right after their
result was taken. Clients repeat what was not answered, jobs with the same `Idempotency-Key`. Who is told that it was
taken writes that down, and in the end:

- every job that was acknowledged is there once, and has ended;
- every result that was acknowledged (an event with 204, or a file that is whole) is what counts of its benchmark, in
  Postgres and over REST, once, with every sample once; its benchmark completed, and nothing ran after it;
- every provider made over REST is there;
- no process, no event on disk, no expired lease and no mark of a job is left.

The same seed plans the same rounds; what the processes are doing at those moments is up to the machine. It prints a
table; when something is wrong it exits with 1 and keeps the home. A dozen rounds are part of the tests
([test_rounds](../tests/acceptance/evalhub/test_rounds.py)).

## Limits of this table

- Memory: outside a cluster the tests kill the adapter as the kernel would; in a cluster the kernel does.
- Kueue itself does not run in the tests; what it says of a queue that is not there is put into the cluster by hand.
- An attempt on a node that is silent may still run when the next one does; its token and its attempt are no longer
  taken, so nothing counts twice.
- Processes that left with their environment and parents, under a shim that was killed, are not found
  ([attempts](explanation/attempts.md)).
- A job that was resumed and waits for its turn again measures `pendingDeadlineSeconds` by the machine's clock.
- Time that a machine spends asleep counts as time that an attempt ran.
- A full disk under Postgres itself is not tested.
- An adapter that posts its result once, in the second in which a killed mailbox is not yet back, is refused. Its
  attempt fails and is retried.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join((HEAD, *(section(file) for file in FILES), FOOT))


def section(file: Path) -> str:
    """Return a heading and a table."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    heading = (ast.get_docstring(tree) or "").splitlines()[0].rstrip(".")
    columns = [name for name in COLUMNS if name != "Took" or "cluster" in file.parts]
    titles = ("what happens", *(COLUMNS[name] for name in columns), "test")
    lines = [
        f"## {heading}\n",
        f"| {' | '.join(titles)} |",
        "|---" * len(titles) + "|",
        *(row(name, text, file, columns) for name, text in tests(tree)),
    ]
    return "\n".join(lines) + "\n"


def tests(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each test of a file with its docstring."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name, ast.get_docstring(node) or ""


def row(name: str, text: str, file: Path, columns: list[str]) -> str:
    """Return the row of a test. Raises ValueError when its docstring does not say everything."""
    what, _, rest = cleandoc(text).partition("\n\n")
    said = dict(line.split(": ", 1) for line in rest.splitlines() if ": " in line)
    if said.keys() != set(columns):
        raise ValueError(f"{file.name}: {name} says {sorted(said)} instead of {columns}")
    link = f"[`{name.removeprefix('test_')}`](../{file.relative_to(ROOT)})"
    cells = (what.rstrip("."), *(said[column] for column in columns))
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} | {link} |"


def main() -> None:
    """Write the page, or compare it."""
    made = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made, encoding="utf-8")
        return
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != made:
        sys.exit(f"{PAGE.name} is not what the tests say: run scripts/generate_reliability.py")
    print("current")


if __name__ == "__main__":
    main()
