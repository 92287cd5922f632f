"""Where the benchmarks of commands run: a temporary directory with tasks in it, in front of a server at once."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.commands import Bench
from benchmarks.mock import mock_server


@contextmanager
def ground(delay: float = 0.0) -> Iterator[Bench]:
    """Yield an empty place with a server; its Postgres is stopped in the end."""
    with mock_server(delay) as url, tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        root.chmod(0o755)  # Postgres may run as another account
        bench = Bench(root, url)
        try:
            yield bench
        finally:
            bench.stop()
