"""Which folders of lm-eval a name needs: reading only those takes milliseconds, all of it seconds. For `loading`.

`task_index.txt` is made by scripts/generate_task_index.py for one version of lm-eval; a test keeps it true.
"""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

_FILE = Path(__file__).parent / "task_index.txt"


def folders(names: Iterable[str]) -> tuple[str, ...]:
    """Return the folders that the known ones among `names` need, in the order in which the harness reads them."""
    known = _index()
    return tuple(sorted({folder for name in names for folder in known.get(name, ())}))


def known_names() -> tuple[str, ...]:
    """Return every task, group and tag of the indexed version."""
    return tuple(_index())


def matches_installed() -> bool:
    """Whether the index was made for the installed version of lm-eval."""
    with _FILE.open() as stream:
        return stream.readline().startswith(f"# lm-eval {version('lm-eval')};")


@cache
def _index() -> dict[str, tuple[str, ...]]:
    index: dict[str, tuple[str, ...]] = {}
    current: tuple[str, ...] = ()
    for line in _FILE.read_text().splitlines()[1:]:
        if line.startswith("["):
            current = tuple(line[1:-1].split())
        else:
            index[line] = current
    return index
