"""Charts as files: SVG, which needs nothing, and PNG, which needs Pillow. Called by `evallab history`.

Both draw the same marks. The SVG asks for a sans-serif font of the reader's; the PNG brings Pillow's own.
"""

from collections.abc import Sequence
from html import escape
from importlib import import_module
from io import BytesIO
from typing import Any

from evallab.api.errors import UsageError
from evallab.reporting.chart import HEIGHT, WIDTH, Box, Dot, Line, Mark, Words

SCALE = 2  #: pixels of a PNG for one of the chart
SMOOTH = 2  #: drawn so much larger and then made smaller, because Pillow draws jagged lines
DASH = (5, 4)
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
_SPELLED = str.maketrans({"σ": " sigma", "−": "-", "…": "...", "±": "+/-"})  # what Pillow's own font has not


def svg(marks: Sequence[Mark]) -> str:
    """Return a document that stands alone: no script, no font, no link."""
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    fonts = 'font-family="system-ui, -apple-system, Segoe UI, Roboto, sans-serif"'
    body = "\n".join(_element(mark) for mark in marks)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {fonts}>\n{body}\n</svg>\n'


def png(marks: Sequence[Mark]) -> bytes:
    """Return a PNG. Raises UsageError where Pillow is not installed."""
    try:
        image, draw, font = (import_module(f"PIL.{name}") for name in ("Image", "ImageDraw", "ImageFont"))
    except ImportError:
        remedy = "Install the package pillow, or use --svg FILE."
        raise UsageError("A PNG needs Pillow, which is not installed.", remedy=remedy) from None
    times = SCALE * SMOOTH
    large = image.new("RGB", (WIDTH * times, HEIGHT * times), "#ffffff")
    pen = draw.Draw(large)
    for mark in marks:
        _paint(pen, mark, times, font)
    written = BytesIO()
    large.resize((WIDTH * SCALE, HEIGHT * SCALE), image.Resampling.LANCZOS).save(written, "PNG", optimize=True)
    return written.getvalue()


def _element(mark: Mark) -> str:
    match mark:
        case Line():
            dashes = f' stroke-dasharray="{DASH[0]} {DASH[1]}"' if mark.dashed else ""
            ends = f'x1="{mark.x1:.1f}" y1="{mark.y1:.1f}" x2="{mark.x2:.1f}" y2="{mark.y2:.1f}"'
            return f'<line {ends} stroke="{mark.color}" stroke-width="{mark.width}"{dashes}/>'
        case Box():
            place = f'x="{mark.x:.1f}" y="{mark.y:.1f}" width="{mark.width:.1f}" height="{mark.height:.1f}"'
            return f'<rect {place} fill="{mark.color}"/>'
        case Dot():
            ink = f'fill="{mark.color}"' if mark.filled else f'fill="none" stroke="{mark.color}" stroke-width="2"'
            return f'<circle cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{mark.radius}" {ink}/>'
        case Words():
            place = f'x="{mark.x:.1f}" y="{mark.y:.1f}" font-size="{mark.size}" text-anchor="{mark.anchor}"'
            text = escape("".join(character if character.isprintable() else " " for character in mark.text))
            return f'<text {place} fill="{mark.color}">{text}</text>'


def _paint(pen: Any, mark: Mark, times: int, font: Any) -> None:
    match mark:
        case Line():
            for x1, y1, x2, y2 in _dashes(mark) if mark.dashed else [(mark.x1, mark.y1, mark.x2, mark.y2)]:
                width = max(1, round(mark.width * times))
                pen.line((x1 * times, y1 * times, x2 * times, y2 * times), fill=mark.color, width=width)
        case Box():
            right, below = mark.x + mark.width, mark.y + mark.height
            pen.rectangle((mark.x * times, mark.y * times, right * times, below * times), fill=mark.color)
        case Dot():
            left, right = (mark.x - mark.radius) * times, (mark.x + mark.radius) * times
            box = (left, (mark.y - mark.radius) * times, right, (mark.y + mark.radius) * times)
            pen.ellipse(box, **({"fill": mark.color} if mark.filled else {"outline": mark.color, "width": 2 * times}))
        case Words():
            typeface = font.load_default(mark.size * times)
            text = mark.text.translate(_SPELLED)
            place = (mark.x * times, mark.y * times)
            pen.text(place, text, fill=mark.color, font=typeface, anchor=_ANCHORS[mark.anchor])


def _dashes(line: Line) -> list[tuple[float, float, float, float]]:
    """Cut a vertical line into dashes."""
    found, y = [], line.y1
    while y < line.y2:
        found.append((line.x1, y, line.x2, min(y + DASH[0], line.y2)))
        y += sum(DASH)
    return found
