"""A comparison as one HTML file that can be sent to somebody: no script, nothing loaded, light and dark, printable.

Called by `evallab diff --html`. What models answered is data: everything goes through `_safe`, and the page's own
policy (CSP) forbids scripts and every style but its own, should anything slip through. Filters are radio buttons and
CSS, so they work wherever the file is opened.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from evallab import __version__
from evallab.reporting import figures
from evallab.reporting.changes import KINDS, Compared, Flip, Kind
from evallab.reporting.columns import change_columns
from evallab.reporting.notes import of_change
from evallab.reporting.pieces import answers, question

_PAGES = Path(__file__).parent / "pages"
_LABELS: dict[Kind, str] = {"regressed": "Regressed", "improved": "Improved", "changed": "Only the text changed"}
_BADGES = {"REGRESSION": "bad", "INCONCLUSIVE": "open", "PASS": "good", "regressed": "bad", "improved": "good"}


@dataclass(frozen=True, kw_only=True)
class Section:
    """One benchmark: how it was compared, the answers that are shown, and how many changed in all."""

    compared: Compared
    shown: Sequence[Flip]
    count: int


def render(*, name: str, job: str, sections: Sequence[Section]) -> str:
    """Return the page."""
    style = (_PAGES / "diff.css").read_text(encoding="utf-8")
    baselines = {each.compared.comparison.baseline_job: _baseline(each.compared) for each in sections}
    against = ", ".join(baselines.values())
    return Template((_PAGES / "diff.html").read_text(encoding="utf-8")).substitute(
        style=style,
        style_hash=_hash(style),
        title=_safe(f"{name} against {against}"),
        heading=f'{_safe(name)} <span class="against">against {_safe(against)}</span>',
        lead=_lead(sections),
        rows="\n".join(_row(each) for each in sections),
        notes="\n".join(_notes(each) for each in sections),
        filters=_filters([flip for each in sections for flip in each.shown]),
        sections="\n".join(_section(each) for each in sections),
        version=_safe(__version__),
        jobs=_safe(", ".join([job, *baselines])),
    )


def _lead(sections: Sequence[Section]) -> str:
    verdicts = Counter(each.compared.comparison.verdict for each in sections)
    told = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in _BADGES if verdicts[verdict])
    compared = figures.count(len(sections), "benchmark")
    return f"{compared} compared on the same questions: {_safe(told)}."


def _row(section: Section) -> str:
    each, change = section.compared, section.compared.comparison
    delta = " ".join(change_columns([change])[0].cells[0].split()).replace("[ ", "[")
    cells = [
        f'<td><a href="#b{each.index}">{_safe(each.id)}</a></td>',
        f"<td>{_badge(change.verdict, change.verdict)}</td>",
        f"<td>{_safe(figures.metric(change.metric, change.filter))}</td>",
        f'<td class="number">{figures.score(change.baseline_value)}</td>',
        f'<td class="number">{figures.score(change.value)}</td>',
        f'<td class="number">{change.n}</td>',
        f"<td>{_safe(delta)}</td>",
        f'<td class="number">{change.lost}</td>',
        f'<td class="number">{change.gained}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _notes(section: Section) -> str:
    said = "".join(f"<dd>{_safe(line)}</dd>" for line in of_change(section.compared.comparison))
    return f"<dt>{_safe(section.compared.id)}</dt>{said.replace('</dd><dd>', '<br>')}"


def _filters(shown: Iterable[Flip]) -> str:
    """Draw the buttons; those that would show nothing are left out."""
    counts = Counter(flip.kind for flip in shown)
    found = [("all", "All", sum(counts.values()))]
    found += [(kind, _LABELS[kind], counts[kind]) for kind in KINDS if counts[kind]]
    inputs = "".join(
        f'<input class="filter" type="radio" name="filter" id="f-{kind}"{" checked" if kind == "all" else ""}>'
        for kind, _, _ in found
    )
    labels = "".join(f'<label for="f-{kind}">{label} ({count})</label>' for kind, label, count in found)
    return f'{inputs}\n<div class="filters" role="group" aria-label="Which answers">{labels}</div>'


def _section(section: Section) -> str:
    each = section.compared
    kinds = " ".join(f"has-{kind}" for kind in KINDS if any(flip.kind == kind for flip in section.shown))
    left = section.count - len(section.shown)
    told = f"{len(section.shown)} of {section.count} changed answers are shown." if left else ""
    told = told or (f"{figures.count(section.count, 'changed answer')}." if section.count else "No answer changed.")
    articles = "\n".join(_article(flip) for flip in section.shown)
    head = f"<h2>{_safe(each.id)} {_badge(each.comparison.verdict, each.comparison.verdict)}</h2>"
    return f'<section id="b{each.index}" class="{kinds}">{head}<p class="shown">{told}</p>\n{articles}</section>'


def _article(flip: Flip) -> str:
    head = f"<span>Question {flip.id}</span>{_badge(flip.kind, _LABELS[flip.kind])}"
    head += f'<span class="scores">score {_safe(flip.scores)}</span>'
    return f'<article class="{flip.kind}"><h3>{head}</h3>{question(flip)}{answers(flip)}</article>'


def _badge(kind: str, label: str) -> str:
    return f'<span class="badge {_BADGES.get(kind, "")}">{_safe(label)}</span>'


def _baseline(compared: Compared) -> str:
    change = compared.comparison
    return change.baseline_name or change.baseline_job[:8]


def _hash(style: str) -> str:
    """Return a style sheet as the policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}"


def _safe(text: str) -> str:
    return escape(text, quote=True)
