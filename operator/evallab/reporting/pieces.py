"""Parts of the HTML page that show what models wrote: the question, and both answers side by side. Called by `page`.

Every text passes `safe` on its way into the page.
"""

from collections.abc import Sequence
from html import escape

from evallab.reporting import words
from evallab.reporting.changes import Flip
from evallab.reporting.lines import answer_text, last_part, printable

_SHOWN_LINES = 12
_NOTHING = '<span class="nothing">no text</span>'


def question(flip: Flip) -> str:
    """Draw the end of the prompt, where the question is; the whole of it is folded away when it is longer."""
    if flip.prompt is None:
        return ""
    end, whole = last_part(flip.prompt, lines=_SHOWN_LINES), printable(flip.prompt).strip("\n")
    shown = f'<h4>Question</h4><pre dir="auto">{safe(end)}</pre>'
    if end != whole:
        shown += f'<details><summary>The whole prompt</summary><pre dir="auto">{safe(whole)}</pre></details>'
    return f'<div class="question">{shown}</div>'


def answers(flip: Flip) -> str:
    """Draw what was expected and both answers; what is gone is marked in the first, what is new in the second."""
    before, after = answer_text(flip.baseline_response), answer_text(flip.response)
    pieces = words.compared(printable(before or ""), printable(after or ""))
    columns = [
        _column("Expected", safe(printable(flip.target))) if flip.target else "",
        _column("Baseline's answer", _NOTHING if before is None else _marked(pieces, "gone", "del")),
        _column("Answer", _NOTHING if after is None else _marked(pieces, "new", "ins")),
    ]
    return f'<div class="answers{" three" if columns[0] else ""}">{"".join(columns)}</div>'


def safe(text: str) -> str:
    """Return text as HTML that shows it and does nothing else."""
    return escape(text, quote=True)


def _marked(pieces: Sequence[words.Piece], kind: words.Kind, tag: str) -> str:
    own = (piece for piece in pieces if piece.kind in {"same", kind})
    drawn = (safe(piece.text) if piece.kind == "same" else _mark(piece.text, tag) for piece in own)
    return "".join(drawn) or '<span class="nothing">empty</span>'


def _mark(text: str, tag: str) -> str:
    """Mark text; blanks alone are only coloured, because a line through nothing looks like a dash."""
    blank = ' class="blank"' if text.isspace() else ""
    return f"<{tag}{blank}>{safe(text)}</{tag}>"


def _column(title: str, inside: str) -> str:
    return f'<div><h4>{title}</h4><pre dir="auto">{inside}</pre></div>'
