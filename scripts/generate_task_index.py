"""Write which folders of the installed lm-eval each of its tasks, groups and tags needs, and the list of their names.

    python scripts/generate_task_index.py            # after changing the pinned version of lm-eval
    python scripts/generate_task_index.py --check    # exit 1 when the files do not match the installed version

Indexing all of lm-eval's folders takes seconds and its own command line cannot skip it; with this file an evaluation
reads only the folders it needs.
"""

import argparse
import logging
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
INDEX = ROOT / "adapters" / "evallab_adapters" / "lm_eval_harness" / "task_index.txt"
NAMES = ROOT / "providers" / "lm_evaluation_harness.names.txt"


def needed(entries: Mapping[str, Any], name: str, root: Path) -> frozenset[str]:
    """Return the folders (relative to lm-eval's tasks) that building `name` reads names from."""
    folders: set[str] = set()
    waiting, seen = [name], set()
    while waiting:
        current = waiting.pop()
        if current in seen or current not in entries:
            continue
        seen.add(current)
        entry = entries[current]
        if entry.yaml_path:
            folders.add(entry.yaml_path.parent.relative_to(root).as_posix())
        waiting.extend(members(entry))
    return frozenset(folders)


def members(entry: Any) -> Iterator[str]:
    """Yield the names that a group or a tag consists of."""
    if entry.kind.name == "TAG":
        yield from sorted(entry.tags)
    elif entry.kind.name == "GROUP":
        yield from _listed((entry.cfg or {}).get("task"))


def _listed(items: Any) -> Iterator[str]:
    for item in items if isinstance(items, list) else []:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            yield from (item[key] for key in ("task", "group") if isinstance(item.get(key), str))
            yield from _listed(item.get("task"))


def render() -> tuple[str, str]:
    """Return the contents of the index and of the list of names."""
    logging.disable(logging.CRITICAL)
    import lm_eval.tasks

    root = Path(lm_eval.tasks.__file__).parent
    entries = lm_eval.tasks.TaskManager().task_index
    by_folders: dict[frozenset[str], list[str]] = defaultdict(list)
    for name in sorted(entries):
        by_folders[needed(entries, name, root)].append(name)
    lines = [f"# lm-eval {version('lm-eval')}; made by scripts/generate_task_index.py"]
    for folders in sorted(by_folders, key=sorted):
        if folders:
            lines += [f"[{' '.join(sorted(folders))}]", *by_folders[folders]]
    names = sorted(name for folders, group in by_folders.items() if folders for name in group)
    return "\n".join(lines) + "\n", "\n".join(names) + "\n"


def main() -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    stale = []
    for path, content in zip((INDEX, NAMES), render(), strict=True):
        if arguments.check:
            stale += [] if path.is_file() and path.read_text() == content else [path]
        else:
            path.write_text(content)
            print(f"{path.relative_to(ROOT)}: {content.count(chr(10))} lines")
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not what the installed lm-eval says; run {Path(__file__).name}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
