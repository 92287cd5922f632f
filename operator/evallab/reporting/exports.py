"""Questions as files for other programs: JSON lines, CSV, Parquet, written as they come. Called by `evallab samples`.

JSON lines hold what `--output json` holds. Tables are flat: lists and mappings in them are JSON. Parquet needs pyarrow.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib import import_module
from io import TextIOWrapper
from types import MappingProxyType
from typing import Any, BinaryIO, Protocol

from evallab.api.errors import UsageError
from evallab.reporting.document import plain
from evallab.reporting.questions import Answered

TEXTS = ("prompt", "target", "response", "reasoning", "filtered")
COLUMNS = MappingProxyType(
    {
        "doc_id": "int64",
        "repeat": "int64",
        "score": "float64",
        "prompt": "string",
        "target": "string",
        "response": "string",
        "reasoning": "string",
        "filtered": "string",
        "scores": "string",
        "error": "string",
        "finish_reason": "string",
        "prompt_tokens": "int64",
        "completion_tokens": "int64",
        "latency_ms": "float64",
        "doc_hash": "string",
        "prompt_hash": "string",
        "response_hash": "string",
        "cluster": "string",
    }
)


class Export(Protocol):
    """A file that grows a page at a time; `close` makes it whole and leaves the stream open."""

    def write(self, page: Sequence[Answered]) -> None:
        """Append questions."""

    def close(self) -> None:
        """Write what is still to be written."""


def opened(format_: str, stream: BinaryIO) -> Export:
    """Begin a file in that format. Raises UsageError for parquet without pyarrow."""
    kinds: dict[str, type[JsonLines] | type[Csv] | type[Parquet]] = {"jsonl": JsonLines, "csv": Csv, "parquet": Parquet}
    return kinds[format_](stream)


def record(question: Answered) -> dict[str, Any]:
    """Return a question as plain JSON values: the row (numbers and hashes), and the texts."""
    row = asdict(replace(question.row, scores={}))
    del row["text_offset"], row["text_line"]
    texts = {key: question.texts.get(key) for key in TEXTS}
    return {**plain({**row, "scores": question.row.scores}), "score": question.score, **plain(texts)}


def flat(question: Answered) -> dict[str, Any]:
    """Return a question as one row of a table."""
    found = record(question)
    return {name: _cell(found[name], kind) for name, kind in COLUMNS.items()}


class JsonLines:
    """One JSON object per line, ASCII only."""

    def __init__(self, stream: BinaryIO) -> None:
        """Take the stream."""
        self._stream = stream

    def write(self, page: Sequence[Answered]) -> None:
        """Append questions."""
        lines = (json.dumps(record(question), allow_nan=False) + "\n" for question in page)
        self._stream.write("".join(lines).encode())

    def close(self) -> None:
        """Nothing is left to write."""


class Csv:
    """Comma-separated values in UTF-8 with a line of titles; what is unknown is empty."""

    def __init__(self, stream: BinaryIO) -> None:
        """Write the titles."""
        self._text = TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
        self._writer = csv.DictWriter(self._text, list(COLUMNS), lineterminator="\n")
        self._writer.writeheader()

    def write(self, page: Sequence[Answered]) -> None:
        """Append questions."""
        self._writer.writerows(flat(question) for question in page)

    def close(self) -> None:
        """Give the stream back."""
        self._text.detach()


class Parquet:
    """A Parquet file, one row group per page."""

    def __init__(self, stream: BinaryIO) -> None:
        """Begin the file."""
        try:
            self._arrow = import_module("pyarrow")
            parquet = import_module("pyarrow.parquet")
        except ImportError:
            remedy = "Install the package pyarrow, or use --output jsonl."
            raise UsageError("Parquet needs pyarrow, which is not installed.", remedy=remedy) from None
        self._schema = self._arrow.schema([(name, self._arrow.type_for_alias(kind)) for name, kind in COLUMNS.items()])
        self._writer = parquet.ParquetWriter(stream, self._schema, compression="zstd")

    def write(self, page: Sequence[Answered]) -> None:
        """Append questions."""
        rows = [flat(question) for question in page]
        self._writer.write_table(self._arrow.Table.from_pylist(rows, schema=self._schema))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


def _cell(value: Any, kind: str) -> Any:
    """Return a value as its column wants it; a lone surrogate, which UTF-8 cannot hold, becomes its escape."""
    if value is None or kind != "string":
        return float(value) if value is not None and kind == "float64" else value
    text = value if isinstance(value, str) else json.dumps(value, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode()
