"""The peak memory of the command and of the adapter, for a big benchmark."""

from benchmarks.ground import ground
from benchmarks.memory import watching
from benchmarks.row import Row
from benchmarks.tasks import BIG, write_task


def rows(*, tiny: bool = False) -> list[Row]:
    """Measure once: memory does not depend on how busy the machine is."""
    documents = 20 if tiny else 14_000
    with ground() as bench:
        write_task(bench.root / "tasks", BIG, documents)
        with watching(bench.root) as peaks:
            bench.job([BIG])
    note = f"{documents} samples"
    return [
        Row(metric="peak memory of the command", measured=peaks.command, unit="MB", target=150, note=note),
        Row(metric="peak memory of the adapter", measured=peaks.adapter, unit="MB", target=600, note=note),
    ]
