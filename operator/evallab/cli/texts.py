"""The texts of samples: prompts and answers, read from the artifacts that are kept. Called by `samples` and `diff`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evallab.api.errors import NotFound
from evallab.cli.errors import say
from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import SampleRow, Store

Key = tuple[int, int]


class Texts:
    """Reads texts; where none are kept (another machine, deleted files) it says so once and gives {}."""

    def __init__(self, store: Store, root: Path) -> None:
        """Take the store and the root of the artifacts."""
        self._store, self._files, self._said = store, ArtifactFiles(root), False

    async def of(self, job_id: str, index: int, rows: Sequence[SampleRow]) -> list[dict[str, Any]]:
        """Return the whole samples that rows point to, in their order."""
        artifacts = await self._store.artifacts(job_id)
        kept = [each for each in artifacts if each.kind == "samples" and each.index == index]
        if not kept:
            return [{} for _ in rows]
        try:
            return self._files.read_texts(kept[-1].path, rows)
        except NotFound as error:
            self._say(error)
            return [{} for _ in rows]

    async def answers(self, job_id: str, index: int, keys: set[Key]) -> Mapping[Key, dict[str, Any]]:
        """Return the whole samples of those (doc_id, repeat)."""
        rows = [row for row in await self._store.samples(job_id, index) if (row.doc_id, row.repeat) in keys]
        texts = await self.of(job_id, index, rows)
        return {(row.doc_id, row.repeat): text for row, text in zip(rows, texts, strict=True)}

    def _say(self, error: NotFound) -> None:
        if not self._said:
            say(f"{error.message} {error.remedy}", lead="warning")
        self._said = True
