"""The live display: what it draws, and that it is silent where nobody watches."""

from contextlib import suppress
from io import StringIO

import pytest

from evallab.reporting.paper import Paper
from evallab.reporting.progress import BenchmarkProgress, ProgressDisplay, ProgressView, bar, draw, eta_seconds

VIEW = ProgressView(
    job_name="demo-q3",
    model="demo-q3",
    state_line="waiting for its turn",
    benchmarks=(
        BenchmarkProgress("demo_arith", "completed", 200, 200, 300.0, 0.0),
        BenchmarkProgress("demo_facts", "running", 60, 200, 412.3, 20.4),
        BenchmarkProgress("demo_choice", "pending"),
        BenchmarkProgress("demo_code", "failed", 3),
    ),
    queue_ahead=2,
)
DRAWN = """\
demo-q3 waiting for its turn, 2 jobs ahead
✓  demo_arith   ━━━━━━━━━━━━━━━━━━━━  200/200
▸  demo_facts   ━━━━━━──────────────   60/200  412/min  20 s left
·  demo_choice
✗  demo_code"""


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_view_is_drawn() -> None:
    assert Paper(width=80).text(draw(VIEW)) == DRAWN


def test_a_view_is_drawn_in_ascii() -> None:
    text = Paper(width=80).text(draw(VIEW, unicode=False))
    assert text.isascii()
    assert "######..............   60/200" in text


def test_long_names_do_not_break_lines() -> None:
    view = ProgressView("demo", "demo", "running", (BenchmarkProgress("x" * 200, "running", 1, 2, 3.0, 20.0),))
    assert len(Paper(width=60).text(draw(view)).splitlines()) == 2


def test_it_is_silent_where_nobody_watches() -> None:
    stream = StringIO()
    with ProgressDisplay(stream) as display:
        display.update(VIEW)
    assert stream.getvalue() == ""


def test_it_leaves_the_terminal_as_it_was_also_after_an_error() -> None:
    stream = Terminal()
    with suppress(KeyboardInterrupt), ProgressDisplay(stream, no_color=True) as display:
        display.update(VIEW)
        raise KeyboardInterrupt
    written = stream.getvalue()
    assert "demo_facts" in written
    assert written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l")


@pytest.mark.parametrize(
    ("done", "total", "pace", "seconds"),
    [
        (50, 200, 60.0, 150.0),
        (200, 200, 60.0, 0.0),
        (250, 200, 60.0, 0.0),
        (None, 200, 60.0, None),
        (0, None, 60.0, None),
        (0, 200, None, None),
        (0, 200, 0.0, None),
    ],
)
def test_the_time_left_follows_from_the_pace(
    done: int | None, total: int | None, pace: float | None, seconds: float | None
) -> None:
    assert eta_seconds(done, total, pace) == seconds


def test_the_bar_is_full_only_at_the_end() -> None:
    assert bar(199, 200, width=4) == "━━━─"
    assert bar(200, 200, width=4) == "━━━━"
    assert bar(None, 200) == bar(1, None) == ""
