"""YAML nodes to plain JSON values, with the line of every field; only `api.manifest` calls it.

PyYAML's own constructor keeps the last of two equal keys, reads dates as objects and forgets where things stood.
Here duplicate keys, keys that are not text, NaN and foreign tags are refused, and dates stay the text they were.
"""

import math
import re
from typing import Any

import yaml

from evallab.api.path import Path, render

_TAG = "tag:yaml.org,2002:"
_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")
_NOT_A_NUMBER = frozenset({"NaN", "Infinity", "-Infinity"})
_TEXT_TAGS = frozenset({f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}value"})
_SCALAR_TAGS = frozenset({f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float")})


class Broken(Exception):
    """A file that is not a manifest: one sentence, and the line where it is known."""

    def __init__(self, sentence: str, line: int | None) -> None:
        """Keep both."""
        self.sentence = sentence
        self.line = line
        super().__init__(sentence)


class Tree:
    """Builds plain values out of nodes and remembers on which line each of them stands."""

    def __init__(self) -> None:
        """Start with no lines."""
        self.lines: dict[Path, int] = {}
        self._scalars = yaml.constructor.SafeConstructor()

    def value(self, node: Any, path: Path) -> Any:
        """Return the plain value of a node that stands at `path`."""
        self.lines.setdefault(path, _line(node))
        if isinstance(node, yaml.MappingNode):
            self._refuse_tag(node, f"{_TAG}map")
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._refuse_tag(node, f"{_TAG}seq")
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                merged = {**self._merge(value_node, path), **merged}
                continue
            key = self._key(key_node)
            if key in own:
                raise Broken(f"the field {render((*path, key))} is given twice", _line(key_node))
            self.lines[(*path, key)] = _line(key_node)
            own[key] = self.value(value_node, (*path, key))
        return {**merged, **own}

    def _merge(self, node: Any, path: Path) -> dict[str, Any]:
        """Return what `<<` brings in; of several mappings the first one wins."""
        value = self.value(node, path)
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise Broken("<< must name a mapping", _line(node))
        return {key: part[key] for part in reversed(parts) for key in part}

    def _key(self, node: Any) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise Broken("a key must be text, found a list or a mapping", _line(node))
        if node.tag not in _TEXT_TAGS:
            raise Broken(f'the key {node.value} is not read as text; put it in quotes: "{node.value}"', _line(node))
        return str(node.value)

    def _scalar(self, node: Any, path: Path) -> Any:
        plain = not node.style
        if node.tag in _TEXT_TAGS:
            return self._text(node, path) if plain else node.value
        if node.tag not in _SCALAR_TAGS:
            raise Broken(f"the tag {node.tag.replace(_TAG, '!!')} is not allowed here", _line(node))
        if plain and ":" in node.value:
            return node.value
        return self._finite(self._constructed(node), node, path)

    def _text(self, node: Any, path: Path) -> Any:
        """Return plain text; numbers such as 1e5 are text to YAML 1.1 only."""
        if node.value in _NOT_A_NUMBER:
            raise _not_a_number(node, path)
        if _EXPONENT.fullmatch(node.value):
            return self._finite(float(node.value), node, path)
        return node.value

    def _constructed(self, node: Any) -> Any:
        try:
            return self._scalars.construct_object(node)
        except (ValueError, KeyError, IndexError, yaml.YAMLError):
            raise Broken(f"{node.value[:40]!r} is not a number that can be read", _line(node)) from None

    def _finite(self, value: Any, node: Any, path: Path) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            raise _not_a_number(node, path)
        return value

    def _refuse_tag(self, node: Any, allowed: str) -> None:
        if node.tag != allowed:
            raise Broken(f"the tag {node.tag.replace(_TAG, '!!')} is not allowed here", _line(node))


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _not_a_number(node: Any, path: Path) -> Broken:
    where = f"{render(path)}: " if path else ""
    return Broken(f"{where}{node.value} cannot be used as a number (put it in quotes if it is text)", _line(node))
