"""How a task reads the snapshot that evallab fetched for it. Pure; for `overlay`.

A snapshot of a hub dataset is given as it is: the data library reads the `configs:` of its README, so that the task's
`dataset_name` and splits mean what they mean on the hub. Plain files become `data_files`.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from evallab.api.contract import Json, TestDataSpec
from evallab.api.errors import AdapterFailed

_BUILDERS = {".jsonl": "json", ".json": "json", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".txt": "text"}
_SPLITS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation",
           "dev": "validation", "test": "test"}  # fmt: skip
_ASKED = ("test_split", "validation_split", "training_split")


def from_snapshot(config: Json, given: TestDataSpec) -> Json:
    """Return the parts of a task's configuration that make it read the snapshot."""
    root = Path(given.path)
    if named := _named(config, given, root):
        return named
    data = [name for name in given.files if PurePosixPath(name).suffix in _BUILDERS]
    if "README.md" in given.files or any("/" in name for name in data) or not data:
        kwargs = {key: value for key, value in _kwargs(config).items() if key not in {"data_files", "revision"}}
        return {"dataset_path": str(root), "dataset_kwargs": kwargs}
    return _plain(config, data, root)


def _named(config: Json, given: TestDataSpec, root: Path) -> Json:
    """A task that names its files reads the files of those names, where the snapshot has all of them."""
    files = _kwargs(config).get("data_files")
    if files is None or config.get("dataset_path") not in set(_BUILDERS.values()):
        return {}
    by_name = {PurePosixPath(name).name: str(root / name) for name in given.files}
    wanted = [PurePosixPath(str(each)).name for each in _leaves(files)]
    if not wanted or not set(wanted) <= by_name.keys():
        return {}
    return {"dataset_kwargs": {**_kwargs(config), "data_files": _each(files, by_name)}}


def _plain(config: Json, data: list[str], root: Path) -> Json:
    """Files at the top: their names say which split they are; a single other one is what the task asks."""
    kinds = {_BUILDERS[PurePosixPath(name).suffix] for name in data}
    if len(kinds) > 1:
        raise AdapterFailed(
            f"The test data mixes kinds of files: {', '.join(sorted(data)[:5])}.",
            remedy="Keep one kind, or add a README.md with `configs:` as on the hub.",
        )
    splits: dict[str, list[str]] = {}
    for name in sorted(data):
        split = _SPLITS.get(PurePosixPath(name).stem.lower())
        if split is None and len(data) == 1:
            split = next((config[key] for key in _ASKED if config.get(key)), "test")
        if split is None:
            raise AdapterFailed(
                f"Nothing says which split the file {name!r} of the test data is.",
                remedy="Call it train, validation or test, or add a README.md with `configs:` as on the hub.",
            )
        splits.setdefault(split, []).append(str(root / name))
    kwargs = {key: value for key, value in _kwargs(config).items() if key != "revision"}
    return {"dataset_path": kinds.pop(), "dataset_name": None, "dataset_kwargs": {**kwargs, "data_files": splits}}


def _kwargs(config: Json) -> Json:
    return dict(config.get("dataset_kwargs") or {})


def _leaves(files: Any) -> Iterator[Any]:
    if isinstance(files, (dict, list, tuple)):
        for value in files.values() if isinstance(files, dict) else files:
            yield from _leaves(value)
    else:
        yield files


def _each(files: Any, by_name: dict[str, str]) -> Any:
    if isinstance(files, dict):
        return {split: _each(value, by_name) for split, value in files.items()}
    if isinstance(files, (list, tuple)):
        return [_each(value, by_name) for value in files]
    return by_name[PurePosixPath(str(files)).name]
