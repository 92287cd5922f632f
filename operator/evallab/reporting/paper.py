"""What text is written on: how wide it is, whether it takes colour, and which characters it can show.

Called by every command once per stream. Not a terminal: no colour and no width limit, so that pipes and files get whole
lines. Not UTF-8: the few typographic characters become ASCII. Tables have no lines, two blanks between columns.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

ASCII = str.maketrans(
    {"−": "-", "–": "-", "…": "...", "×": "x", "Δ": "d", "→": "->", "≥": ">=", "✓": "+", "✗": "x", "σ": "s"}
)
GAP = 2
UNLIMITED = 10_000


@dataclass(frozen=True)
class Column:
    """One column: its title, its cells from top to bottom, their side, and what colours a cell."""

    title: str
    cells: Sequence[str]
    side: str = "left"
    style: Callable[[str], str] | None = None

    @property
    def width(self) -> int:
        """Return the width it takes when nothing is folded."""
        return max(cell_len(text) for text in (self.title, *self.cells))

    def cell(self, row: int) -> Text:
        """Return a cell as it is drawn."""
        text = self.cells[row]
        return Text(text, style=self.style(text) if self.style else "")


@dataclass(frozen=True)
class Paper:
    """A place for text. `width` None means as wide as the text."""

    width: int | None = None
    color: bool = False
    unicode: bool = True

    @classmethod
    def of(cls, stream: TextIO, *, no_color: bool) -> "Paper":
        """Describe a stream."""
        terminal = stream.isatty()
        encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "").replace("_", "")
        return cls(
            width=shutil.get_terminal_size().columns if terminal else None,
            color=terminal and not no_color,
            unicode=encoding == "utf8",
        )

    def table(self, columns: Sequence[Column]) -> str:
        """Draw a table; cells that are too wide are folded, never cut."""
        drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        for column in columns:
            drawn.add_column(Text(column.title), justify="right" if column.side == "right" else "left", overflow="fold")
        for row in range(len(columns[0].cells)):
            drawn.add_row(*(column.cell(row) for column in columns))
        return self.text(drawn)

    def tables(self, label: Column, first: Sequence[Column], second: Sequence[Column]) -> list[str]:
        """Draw one table where it fits, else two with the same labels."""
        columns = [label, *first, *second]
        wide = sum(column.width + GAP for column in columns) - GAP
        if self.width is None or wide <= self.width:
            return [self.table(columns)]
        return [self.table([label, *first]), self.table([label, *second])]

    def text(self, renderable: RenderableType) -> str:
        """Draw something of rich's, without trailing blanks."""
        console = Console(
            file=StringIO(),
            width=self.width or UNLIMITED,
            color_system="standard" if self.color else None,
            force_terminal=self.color,
            legacy_windows=False,
            highlight=False,
            _environ={},
        )
        with console.capture() as capture:
            console.print(renderable, end="")
        return self.plain("\n".join(line.rstrip() for line in capture.get().splitlines()))

    def notes(self, notes: Sequence[tuple[str, str]]) -> str:
        """Write notes: what each is about, once, and beside it what it says."""
        if not notes:
            return ""
        drawn = Table.grid(padding=(0, GAP, 0, 0))
        drawn.add_column(overflow="fold")
        drawn.add_column(overflow="fold")
        before = None
        for about, said in notes:
            drawn.add_row(Text("" if about == before else about), Text(said))
            before = about
        return self.text(drawn)

    def plain(self, text: str) -> str:
        """Replace what the encoding cannot show."""
        if self.unicode:
            return text
        return text.translate(ASCII).encode("ascii", "replace").decode()
