"""Catalogs out of YAML files: those inside the package, and EvalHub's configuration directory.

`<directory>/providers/*.yaml` and `<directory>/collections/*.yaml`: one object per file, not recursive, `id` required.
The command line calls `load`: anything that is wrong is an InvalidManifest that names every file and line. The server
reads the same folders through `catalog.folder`, which goes on with what can be read.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

from evallab.api.errors import InvalidManifest, UsageError
from evallab.api.provider import Collection
from evallab.catalog.catalog import Catalog, Entry
from evallab.catalog.reading import FileProblem, Unreadable, read_collection, read_provider

BUILTIN = Path(__file__).parent.parent / "_providers"
T = TypeVar("T")


@dataclass(frozen=True)
class Source(Generic[T]):
    """What a file says, and when the file was last changed."""

    file: Path
    id: str
    value: T
    modified: datetime


@dataclass(frozen=True)
class Contents:
    """What the files of a directory say, and what is wrong with the others."""

    providers: tuple[Source[Entry], ...] = ()
    collections: tuple[Source[Collection], ...] = ()
    problems: tuple[FileProblem, ...] = ()

    @property
    def catalog(self) -> Catalog:
        """The catalog of what could be read."""
        return Catalog.of((each.value for each in self.providers), (each.value for each in self.collections))


def load(directory: Path | None = None) -> Catalog:
    """Return what is built in, with what the configuration directory adds or replaces."""
    return builtin() if directory is None else builtin().replaced_by(configured(directory))


def load_with_problems(directory: Path, *, builtin: bool = True) -> tuple[Catalog, tuple[FileProblem, ...]]:
    """Return what can be read of a configuration directory (on top of what is built in), and what is wrong with it."""
    found = contents_of(directory)
    below = _sound(builtin_contents()) if builtin else Catalog()
    return below.replaced_by(found.catalog), found.problems


def builtin() -> Catalog:
    """Return the providers and collections inside the package."""
    return _sound(builtin_contents())


def configured(directory: Path) -> Catalog:
    """Return the providers and collections of a configuration directory."""
    return _sound(contents_of(directory))


def builtin_contents() -> Contents:
    """Read the files inside the package."""
    return read_folders(BUILTIN, BUILTIN / "collections")


def contents_of(directory: Path) -> Contents:
    """Read a configuration directory; UsageError when there is none."""
    if not directory.is_dir():
        raise UsageError(f"The configuration directory {directory} does not exist.")
    return read_folders(directory / "providers", directory / "collections")


def read_folders(providers: Path, collections: Path) -> Contents:
    """Read every YAML file of both folders; a file that cannot be read hides no other."""
    entries, wrong = _read_folder(providers, read_provider, lambda entry: entry.provider.id)
    lists, also_wrong = _read_folder(collections, read_collection, lambda collection: collection.id)
    return Contents(tuple(entries), tuple(lists), (*wrong, *also_wrong))


def _read_folder(
    folder: Path, read: Callable[[Path], T], identify: Callable[[T], str]
) -> tuple[list[Source[T]], list[FileProblem]]:
    sources: list[Source[T]] = []
    wrong: list[FileProblem] = []
    for file in yaml_files(folder):
        try:
            value = read(file)
            sources.append(Source(file, identify(value), value, _modified(file)))
        except Unreadable as unreadable:
            wrong.extend(unreadable.problems)
    unique, doubles = first_of_each_id(sources)
    return unique, [*wrong, *doubles]


def first_of_each_id(sources: Iterable[Source[T]]) -> tuple[list[Source[T]], list[FileProblem]]:
    """Return the first source of each id, and a problem for every later one."""
    seen: dict[str, Source[T]] = {}
    doubles = []
    for each in sources:
        earlier = seen.setdefault(each.id, each)
        if earlier is not each:
            doubles.append(FileProblem(each.file, f'id "{each.id}" is also that of {earlier.file.name}'))
    return list(seen.values()), doubles


def yaml_files(folder: Path) -> Sequence[Path]:
    """Return the YAML files of a folder, by name."""
    return sorted(folder.glob("*.yaml"))


def _modified(file: Path) -> datetime:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError as error:
        raise Unreadable((FileProblem(file, f"cannot be read: {error.strerror}"),)) from None


def _sound(found: Contents) -> Catalog:
    if found.problems:
        raise InvalidManifest([str(each) for each in found.problems])
    return found.catalog
