"""What changed between two answers, word by word. Called by `evallab diff`, for the terminal and for the HTML page.

Pieces that are equal, gone and new, whose texts put together are both answers again. A text without many words is
compared exactly; beyond `LONGEST` words lines are compared instead, because the effort grows with the square.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

from rich.text import Text

Kind = Literal["same", "gone", "new"]
LONGEST = 3_000
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_STYLES = {"same": "", "gone": "red strike", "new": "green"}


@dataclass(frozen=True)
class Piece:
    """A run of text that both answers have, or that is gone, or new."""

    kind: Kind
    text: str


def compared(before: str, after: str) -> list[Piece]:
    """Return the pieces, in reading order; what is gone comes before what is new in its place."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) > LONGEST:
        old, new = _LINES.findall(before), _LINES.findall(after)
    if len(old) + len(new) > LONGEST:
        return [piece for piece in (Piece("gone", before), Piece("new", after)) if piece.text]
    return _joined(_islands(list(_pieces(old, new))))


def plain(pieces: Sequence[Piece]) -> str:
    """Write pieces without colour, as `git diff --word-diff` does: [-gone-]{+new+}."""
    frames = {"same": ("", ""), "gone": ("[-", "-]"), "new": ("{+", "+}")}
    return "".join(f"{frames[piece.kind][0]}{piece.text}{frames[piece.kind][1]}" for piece in pieces)


def coloured(pieces: Sequence[Piece]) -> Text:
    """Write pieces with colour: what is gone in red and struck out, what is new in green."""
    return Text.assemble(*((piece.text, _STYLES[piece.kind]) for piece in pieces))


def _pieces(old: Sequence[str], new: Sequence[str]) -> Iterator[Piece]:
    for tag, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(old[start:end]))
            continue
        if end > start:
            yield Piece("gone", "".join(old[start:end]))
        if new_end > new_start:
            yield Piece("new", "".join(new[new_start:new_end]))


def _islands(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Drown single blanks between changes: three changed words in a row read better as one change."""
    for place, piece in enumerate(pieces):
        inside = 0 < place < len(pieces) - 1
        if piece.kind == "same" and inside and piece.text.isspace() and "\n" not in piece.text:
            yield from (Piece("gone", piece.text), Piece("new", piece.text))
        else:
            yield piece


def _joined(pieces: Iterator[Piece]) -> list[Piece]:
    """Put neighbours together: within one change everything that is gone, then everything that is new."""
    joined: list[Piece] = []
    for same, run in groupby(pieces, key=lambda piece: piece.kind == "same"):
        group = list(run)
        kinds: tuple[Kind, ...] = ("same",) if same else ("gone", "new")
        found = (Piece(kind, "".join(piece.text for piece in group if piece.kind == kind)) for kind in kinds)
        joined += [piece for piece in found if piece.text]
    return joined
