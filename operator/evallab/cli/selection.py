"""Which questions of a benchmark somebody wants to see, read a page at a time. Called by `evallab samples`.

Memory holds one page, however many questions there are: a benchmark may have 14,000 with long texts.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import click

from evallab.cli.texts import Texts
from evallab.reporting.questions import Answered, answered, is_wrong
from evallab.store.interface import ScoreRow, Store

PAGE = 512
SEARCHED = ("prompt", "target", "response", "reasoning", "error")
_ID = re.compile(r"(\d+)(?:\.(\d+))?")


class QuestionId(click.ParamType[tuple[int, int | None]]):
    """A question as the table names it: 12, or 12.1 for the answer to its first repetition."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int | None]:
        """Return number and repeat; None where every answer is meant."""
        match = _ID.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is no number of a question, such as 12 or 12.1.", param, ctx)
        return int(match[1]), None if match[2] is None else int(match[2])


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The filters; a question must pass all of them."""

    only: str | None = None  #: "failed" or "errors"
    below: float | None = None
    ids: tuple[tuple[int, int | None], ...] = ()
    grep: str | None = None

    def takes(self, question: Answered, primary: ScoreRow | None) -> bool:
        """Decide by numbers."""
        row = question.row
        if self.ids and not {(row.doc_id, row.repeat), (row.doc_id, None)} & set(self.ids):
            return False
        if self.below is not None and (question.score is None or question.score >= self.below):
            return False
        return self.only is None or (bool(row.error) if self.only == "errors" else is_wrong(question, primary))

    def finds(self, question: Answered) -> bool:
        """Decide by texts: whether one of them holds the words, in capitals or not."""
        texts = (str(question.texts.get(key) or "") for key in SEARCHED)
        return self.grep is None or any(self.grep.casefold() in text.casefold() for text in texts)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads the questions of one benchmark of one job."""

    store: Store
    texts: Texts
    job_id: str
    index: int

    async def pages(self, selection: Selection, *, told: bool) -> AsyncIterator[list[Answered]]:
        """Yield what passes, page after page, in order; with their texts when `told`, or when they are searched."""
        primary = await self._primary()
        offset = 0
        while rows := await self.store.samples(self.job_id, self.index, limit=PAGE, offset=offset):
            offset += len(rows)
            questions = (answered(row, primary) for row in rows)
            page = [question for question in questions if selection.takes(question, primary)]
            if told or selection.grep is not None:
                page = [question for question in await self.told(page) if selection.finds(question)]
            if page:
                yield page

    async def told(self, page: list[Answered]) -> list[Answered]:
        """Return questions with their texts."""
        if not page:
            return []
        texts = await self.texts.of(self.job_id, self.index, [question.row for question in page])
        return [replace(question, texts=text) for question, text in zip(page, texts, strict=True)]

    async def _primary(self) -> ScoreRow | None:
        scores = await self.store.scores(self.job_id, primary_only=True)
        return next((score for score in scores if score.index == self.index), None)
