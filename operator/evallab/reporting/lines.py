"""Texts of models cut down to one line of a table. Called by the tables of samples and of flipped answers."""

import json

from rich.cells import cell_len, set_cell_size


def answer_line(response: str | None) -> str:
    """Return an answer as one line; of log-likelihoods of choices, which choice (from 0) is the likeliest."""
    likelihoods = _likelihoods(response)
    if likelihoods:
        return f"likeliest: {likelihoods.index(max(likelihoods))} of {len(likelihoods)} choices"
    return first_line(response)


def answer_text(response: str | None) -> str | None:
    """Return an answer whole; of log-likelihoods of choices, which choice is the likeliest."""
    return answer_line(response) if _likelihoods(response) else response


def printable(text: str | None) -> str:
    """Return text whose control characters, which a terminal would obey, became "\ufffd"; line breaks stay."""
    lines = ("–" if text is None else text).expandtabs(4).splitlines()
    return "\n".join(
        "".join(character if character.isprintable() else "\ufffd" for character in line) for line in lines
    )


def last_lines(text: str | None, count: int) -> str:
    """Return the last lines of a text, where a prompt asks its question; "…" stands for what came before."""
    lines = printable(text).rstrip().splitlines() or [""]
    return "\n".join((["…"] if len(lines) > count else []) + lines[-count:])


def last_part(text: str, *, lines: int, least: int = 40) -> str:
    """Return the last paragraph of a prompt, or more when it says little; "…" stands for what came before."""
    paragraphs = printable(text).strip("\n").split("\n\n")
    taken = paragraphs.pop()
    while paragraphs and len(taken) < least:
        taken = f"{paragraphs.pop()}\n\n{taken}"
    return last_lines(taken, lines)


def first_line(text: str | None) -> str:
    """Return the first line that says something; control characters become blanks; "" of nothing, "–" of no text."""
    if text is None:
        return "–"
    lines = (line.strip() for line in text.splitlines())
    line = next((line for line in lines if line), "")
    return "".join(character if character.isprintable() else " " for character in line)


def fitted(line: str, width: int) -> str:
    """Cut a line to that many cells, with "…" for what is gone."""
    return line if cell_len(line) <= width else set_cell_size(line, width - 1).rstrip() + "…"


def _likelihoods(response: str | None) -> list[float]:
    """Read [[log-likelihood, greedy], …], as the harness answers multiple choice; [] of any other text."""
    if not response or not response.startswith("[["):
        return []
    try:
        pairs = json.loads(response)
        return [float(likelihood) for likelihood, greedy in pairs if isinstance(greedy, bool)]
    except (ValueError, TypeError):
        return []
