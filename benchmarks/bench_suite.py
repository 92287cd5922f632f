"""Ten small tasks in one job, beside ten `lm_eval` commands one after the other."""

from benchmarks.ground import ground
from benchmarks.row import Row
from benchmarks.tasks import write_suite
from benchmarks.timing import in_turn


def rows(*, tiny: bool = False) -> list[Row]:
    """Measure. Ten commands are ten measurements of the stock one already: they run once."""
    count, documents, times = (1, 5, 1) if tiny else (10, 100, 3)
    with ground() as bench:
        names = write_suite(bench.root / "tasks", count, documents)
        bench.job(names[:1])  # the database is made
        (ours,) = in_turn(times, lambda: bench.job(names).seconds)
        stock = sum(bench.stock(name).seconds for name in names)
    note = f"{ours:.1f} s (median of {times}) and {stock:.1f} s (the sum of {count}); {documents} documents each"
    return [
        Row(
            metric=f"a suite of {count} tasks: wall time of evallab ÷ so many lm_eval", measured=ours / stock,
            unit="×", target=0.4, note=note,
        )
    ]  # fmt: skip
