"""Who holds a lease, and whether that process died: real processes."""

import subprocess
import sys

from evallab.local import holders

PRINT = "from evallab.local import holders; print(holders.own(), flush=True); input()"


def test_a_process_is_seen_alive_until_it_dies() -> None:
    argv = [sys.executable, "-c", PRINT]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert not holders.died(name)
        process.kill()
        process.wait()
        assert holders.died(name)


def test_whom_we_cannot_see_keeps_its_lease() -> None:
    host, pid, start, namespace, unique = holders.own().split(":")
    for name in (
        f"elsewhere:{pid}:1:{namespace}:{unique}",
        f"{host}:{pid}:1:1:{unique}",
        f"{host}:background:/home",
        f"{host}:{pid}:{unique}",
    ):
        assert not holders.died(name)
    assert holders.died(f"{host}:{pid}:{int(start) - 1}:{namespace}:{unique}")
