"""Bytes to a plain dict: the one door through which manifests and configuration files come in.

`api.read` (jobs), the catalog (providers and collections) and `--set` call it. YAML and JSON are read the same way.
Whatever is wrong is one clear sentence (`InvalidManifest`) with the line where it is known; nothing that comes in can
make the reader slow or large: size, nesting and the number of values after aliases are limited first.
What is JSON is read as JSON, where YAML would differ (tabs, surrogate pairs, U+2028 in texts); YAML finds the lines.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import yaml

from evallab.api.errors import InvalidManifest
from evallab.api.json_text import strict_json
from evallab.api.path import Path
from evallab.api.tree import Broken, Tree

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 40
MAX_VALUES = 100_000
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class ParsedManifest:
    """A manifest as plain data, and the line on which each field stands."""

    data: dict[str, Any]
    lines: Mapping[Path, int]


def parse(data: bytes, *, name: str) -> ParsedManifest:
    """Read one YAML or JSON mapping; `name` is what messages call the file."""
    _refuse_size(data, name)
    text = _text(data, name)
    try:
        value, lines = parse_value(text)
    except Broken as broken:
        raise _invalid(broken, name) from None
    if value is None:
        raise InvalidManifest(["the file is empty; examples/quickstart.yaml shows what belongs in it"], file=name)
    if not isinstance(value, dict):
        raise InvalidManifest([f"must be a mapping of fields (key: value), found {_kind(value)}"], file=name)
    return ParsedManifest(value, MappingProxyType(lines))


def parse_value(text: str) -> tuple[Any, dict[Path, int]]:
    """Read one YAML or JSON value of any kind, or raise `Broken`; None when there is nothing."""
    looks_like_json = text.lstrip().startswith("{")
    try:
        value, lines = _yaml(text)
    except yaml.YAMLError as error:
        if looks_like_json and (exact := strict_json(text, MAX_DEPTH)) is not None:
            return exact, {}
        raise _broken(error, text) from None
    exact = strict_json(text, MAX_DEPTH) if looks_like_json else None
    return (value if exact is None else exact), lines


def _yaml(text: str) -> tuple[Any, dict[Path, int]]:
    _refuse_bombs(_Loader(text))
    documents = [node for node in yaml.compose_all(text, Loader=_Loader) if not _is_nothing(node)]
    if len(documents) > 1:
        sentence = f"holds {len(documents)} documents (separated by ---); give one per file"
        raise Broken(sentence, documents[1].start_mark.line + 1)
    tree = Tree()
    value = tree.value(documents[0], ()) if documents else None
    return value, tree.lines


def _refuse_size(data: bytes, name: str) -> None:
    if len(data) > MAX_BYTES:
        megabytes = len(data) / MAX_BYTES
        size = f"{megabytes:.1f} MB" if megabytes >= 1.05 else f"{len(data):,} bytes"
        raise InvalidManifest([f"the file is {size}; a manifest may have at most 1 MB"], file=name)


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        sentence = f"byte {data[error.start]:#04x} is not UTF-8 text; save the file as UTF-8"
        raise _invalid(Broken(sentence, line), name) from None


def _invalid(broken: Broken, name: str) -> InvalidManifest:
    return InvalidManifest([broken.sentence], file=f"{name}:{broken.line}" if broken.line else name)


def _is_nothing(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value == "" and not node.style


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else f"only {str(value)[:60]!r}"


def _broken(error: yaml.YAMLError, text: str) -> Broken:
    """Turn the parser's complaint into a sentence."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Broken(f"not readable as YAML: {' '.join(str(error).split())}", None)
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else None
    if mark and _tab_indents(text, mark.line):
        return Broken("a tab is used for indentation; YAML allows only spaces there", line)
    return Broken(f"not valid YAML: {error.problem or error.context}", line)


def _tab_indents(text: str, line: int) -> bool:
    lines = text.splitlines()
    if line >= len(lines):
        return False
    indentation = lines[line][: len(lines[line]) - len(lines[line].lstrip())]
    return "\t" in indentation


def _refuse_bombs(loader: Any) -> None:
    """Refuse what would grow: nesting too deep, and aliases that multiply; only events are looked at."""
    guard = _Guard()
    for event in _events(loader):
        guard.see(event)


def _events(loader: Any) -> Iterator[Any]:
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


class _Guard:
    """Counts how deep the values lie and how many there are once every alias is written out."""

    def __init__(self) -> None:
        self._open: list[tuple[str | None, int]] = []
        self._sizes: dict[str, int] = {}
        self._count = 0

    def see(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.CollectionStartEvent):
            self._open.append((event.anchor, self._count))
            self._count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = self._open.pop()
            self._remember(anchor, self._count - before)
        elif isinstance(event, yaml.ScalarEvent):
            self._count += 1
            self._remember(event.anchor, 1)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor, line)
        self._refuse(line)

    def _remember(self, anchor: str | None, size: int) -> None:
        if anchor:
            self._sizes[anchor] = size

    def _alias(self, anchor: str | None, line: int) -> None:
        if any(anchor == name for name, _ in self._open):
            raise Broken(f"the alias *{anchor} stands inside what it names", line)
        self._count += self._sizes.get(anchor or "", 1)

    def _refuse(self, line: int) -> None:
        if len(self._open) > MAX_DEPTH:
            raise Broken(f"values are nested more than {MAX_DEPTH} levels deep", line)
        if self._count > MAX_VALUES:
            raise Broken(f"holds more than {MAX_VALUES:,} values once its aliases are written out", line)
