"""One task of the size of GSM8K at a server that answers at once: `evallab run --local` and `lm_eval` in turn."""

from benchmarks.ground import ground
from benchmarks.row import Row
from benchmarks.tasks import BIG, write_task
from benchmarks.timing import in_turn


def rows(*, tiny: bool = False) -> list[Row]:
    """Measure."""
    documents, times = (20, 1) if tiny else (1319, 3)
    with ground() as bench:
        write_task(bench.root / "tasks", BIG, documents)
        bench.job([BIG])  # the database is made, and both have the data in their caches
        ours, stock = in_turn(times, lambda: bench.job([BIG]).seconds, lambda: bench.stock(BIG).seconds)
    return [
        Row(
            metric=f"{documents} documents, five examples: wall time of evallab ÷ lm_eval", measured=ours / stock,
            unit="×", target=0.4, note=f"{ours:.1f} s and {stock:.1f} s, Postgres up",
        )
    ]  # fmt: skip
