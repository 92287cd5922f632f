"""Provenance on the command line: of one job, or of two beside each other, here and on a server. For `evallab show`."""

from evallab.cli.exits import Exit
from evallab.cli.opening import asked
from evallab.cli.output import show, stdout, write
from evallab.engine.provenance import ran
from evallab.planning.provenance.difference import Ran, difference
from evallab.remote.target import Target
from evallab.reporting.document import plain
from evallab.reporting.provenance import document, render, render_difference
from evallab.settings import Settings


def show_provenance(settings: Settings, target: Target | None, job: str, output: str) -> None:
    """Print the record of what exactly ran."""
    found = _ran(settings, target, job)
    if output != "table":
        write(plain(found.record), output)
        return
    paper = stdout(no_color=settings.no_color)
    show(render(found, paper), paper)


def show_difference(settings: Settings, target: Target | None, job: str, other: str, output: str) -> Exit:
    """Print what differs between two jobs; the exit code says whether anything does."""
    found = difference(_ran(settings, target, job), _ran(settings, target, other))
    if output != "table":
        write(document(found), output)
    else:
        paper = stdout(no_color=settings.no_color)
        show(render_difference(found, paper), paper)
    return Exit.FINE if found.equal else Exit.GATE_FAILED


def _ran(settings: Settings, target: Target | None, reference: str) -> Ran:
    if target is None:
        return asked(settings, lambda store: ran(store, reference))
    from evallab.cli.elsewhere import asked_there, ran_there

    return asked_there(target, lambda lab: ran_there(lab, reference))
