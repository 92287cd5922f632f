"""The texts of samples: prompts and answers, read from the artifacts that are kept. For the commands and the server.

Texts of confidential data stay where they are unless whoever asks may see them: whatever is drawn, searched, exported
or written to a page comes through here.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evallab.api.errors import NotFound
from evallab.planning.confidential import is_confidential
from evallab.store.artifacts import ArtifactFiles, gone
from evallab.store.interface import SampleRow, Store

Key = tuple[int, int]
CONFIDENTIAL = "The texts of this benchmark are confidential."


class Texts:
    """Reads texts; where none are shown (another machine, deleted files, confidential) it says so once and gives {}."""

    def __init__(
        self, store: Store, files: ArtifactFiles, *, say: Callable[[str], None], confidential: bool = False, remedy: str
    ) -> None:
        """`confidential`: such texts may be shown, else `remedy` says how; `say` is told why some are not."""
        self._store, self._files, self._shown = store, files, confidential
        self._tell, self._remedy = say, remedy
        self._said: set[str] = set()
        self._hidden_of: dict[tuple[str, int], bool] = {}

    async def of(self, job_id: str, index: int, rows: Sequence[SampleRow]) -> list[dict[str, Any]]:
        """Return the whole samples that rows point to, in their order; {} where they are confidential."""
        if await self._is_hidden(job_id, index):
            self._say(f"{CONFIDENTIAL} {self._remedy}".strip())
            return [{} for _ in rows]
        artifacts = await self._store.artifacts(job_id)
        kept = [each for each in artifacts if each.kind == "samples" and each.index == index]
        if not kept:
            return [{} for _ in rows]
        if kept[-1].expired_at is not None:
            self._say(str(gone("texts", kept[-1].expired_at)))
            return [{} for _ in rows]
        try:
            return await asyncio.to_thread(self._files.read_texts, kept[-1].path, rows)
        except NotFound as error:
            self._say(str(error))
            return [{} for _ in rows]

    async def answers(self, job_id: str, index: int, keys: set[Key]) -> Mapping[Key, dict[str, Any]]:
        """Return the whole samples of those (doc_id, repeat)."""
        rows = [row for row in await self._store.samples(job_id, index) if (row.doc_id, row.repeat) in keys]
        texts = await self.of(job_id, index, rows)
        return {(row.doc_id, row.repeat): text for row, text in zip(rows, texts, strict=True)}

    async def _is_hidden(self, job_id: str, index: int) -> bool:
        if self._shown:
            return False
        if (job_id, index) not in self._hidden_of:
            snapshot = await self._store.snapshot(job_id)
            self._hidden_of[job_id, index] = is_confidential(snapshot.job.spec, index)
        return self._hidden_of[job_id, index]

    def _say(self, warning: str) -> None:
        if warning not in self._said:
            self._tell(warning)
        self._said.add(warning)
