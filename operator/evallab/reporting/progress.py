"""The small live display of a job in progress, on stderr. Called by `evallab run` and by whoever waits for a job.

On a terminal: a line for the job and one per benchmark, redrawn in place and gone at the end. Elsewhere: silent, so
that logs and pipes hold no control characters; errors are the command's business.
"""

import sys
from dataclasses import dataclass
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from evallab.reporting import figures
from evallab.reporting.durations import time_left
from evallab.reporting.verdict import style

GLYPHS = {"pending": "·", "running": "▸", "completed": "✓", "failed": "✗", "cancelled": "–"}
PLAIN_GLYPHS = {"pending": ".", "running": ">", "completed": "+", "failed": "x", "cancelled": "-"}
BAR = 20


@dataclass(frozen=True)
class BenchmarkProgress:
    """One benchmark as it stands."""

    label: str
    state: str
    done: int | None = None
    total: int | None = None
    samples_per_minute: float | None = None
    eta_seconds: float | None = None


@dataclass(frozen=True)
class ProgressView:
    """Everything the display shows. `state_line` says what is going on; `queue_ahead` how many jobs come first."""

    job_name: str
    model: str
    state_line: str
    benchmarks: tuple[BenchmarkProgress, ...] = ()
    queue_ahead: int = 0


class ProgressDisplay:
    """A context manager that shows the last `ProgressView` it was given."""

    def __init__(self, stream: TextIO | None = None, *, no_color: bool = False) -> None:
        """Draw on `stream` (default: stderr) if it is a terminal."""
        console = Console(file=stream or sys.stderr, no_color=no_color, highlight=False)
        self._unicode = console.encoding.lower().startswith("utf")
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> "ProgressDisplay":
        """Begin."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the terminal as it was, whatever happened."""
        if self._live:
            self._live.stop()

    def update(self, view: ProgressView) -> None:
        """Show a newer view."""
        if self._live:
            try:
                self._live.update(draw(view, unicode=self._unicode), refresh=True)
            except OSError:  # the terminal was closed; the job goes on to its end
                self._live = None


def eta_seconds(done: int | None, total: int | None, samples_per_minute: float | None) -> float | None:
    """Estimate the time left from the current pace, or None when nothing can be said."""
    if done is None or not total or not samples_per_minute or samples_per_minute <= 0:
        return None
    return max(0, total - done) * 60 / samples_per_minute


def draw(view: ProgressView, *, unicode: bool = True) -> Table:
    """Draw a view: a heading and one line per benchmark."""
    table = Table.grid(padding=(0, 2, 0, 0))
    heading = Text.assemble((view.job_name, "bold"), f" {view.state_line}".rstrip())
    if view.queue_ahead:
        heading.append(f", {figures.count(view.queue_ahead, 'job')} ahead")
    lines = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", "left", "left", "right", "right", "left"):
        lines.add_column(justify="right" if justify == "right" else "left", no_wrap=True, overflow="ellipsis")
    for benchmark in view.benchmarks:
        lines.add_row(*_line(benchmark, unicode=unicode))
    table.add_row(heading)
    table.add_row(lines)
    return table


def bar(done: int | None, total: int | None, *, width: int = BAR, unicode: bool = True) -> str:
    """Draw how much is done; empty when nobody knows."""
    if done is None or not total:
        return ""
    filled = min(width, done * width // total)
    return ("━" if unicode else "#") * filled + ("─" if unicode else ".") * (width - filled)


def _line(benchmark: BenchmarkProgress, *, unicode: bool) -> tuple[Text | str, ...]:
    glyph = (GLYPHS if unicode else PLAIN_GLYPHS).get(benchmark.state, "?")
    running = benchmark.state == "running"
    counted = benchmark.done is not None and benchmark.total
    return (
        Text(glyph, style=style(benchmark.state)),
        Text(benchmark.label),
        bar(benchmark.done, benchmark.total, unicode=unicode),
        f"{benchmark.done}/{benchmark.total}" if counted else "",
        f"{benchmark.samples_per_minute:.0f}/min" if running and benchmark.samples_per_minute else "",
        time_left(benchmark.eta_seconds) if running else "",
    )
