"""Samples as lines of COPY's text format, made by hand: row by row through the driver it takes twice as long.

Used by `results` only; the order of the columns is that of the queries copy_samples and copy_sample_scores.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import isfinite

from evallab.store import storable
from evallab.store.values import SampleRow

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NULL = "\\N"


def samples(result_id: int, rows: Sequence[SampleRow]) -> Iterator[str]:
    """Yield a line per sample."""
    for row in rows:
        response = _NULL if row.response_hash is None else f"\\\\x{row.response_hash}"
        yield (
            f"{result_id}\t{row.doc_id}\t{row.repeat}\t\\\\x{row.doc_hash}\t\\\\x{row.prompt_hash}\t{response}"
            f"\t{_whole(row.prompt_tokens)}\t{_whole(row.completion_tokens)}\t{_number(row.latency_ms)}"
            f"\t{_text(row.finish_reason)}\t{_text(row.error)}\t{_whole(row.text_offset)}\t{_whole(row.text_line)}"
            f"\t{_text(row.cluster)}\n"
        )


def sample_scores(result_id: int, rows: Sequence[SampleRow]) -> Iterator[str]:
    """Yield a line per value of a sample."""
    for row in rows:
        place = f"{result_id}\t{row.doc_id}\t{row.repeat}"
        for name, value in row.scores.items():
            yield f"{place}\t{_name(name)}\t{_number(value)}\n"


@lru_cache(maxsize=1024)
def _name(name: tuple[str, str]) -> str:
    return f"{_text(name[0])}\t{_text(name[1])}"


@lru_cache(maxsize=1024)
def _text(value: str | None) -> str:
    return _NULL if value is None else storable.text(value).translate(_ESCAPES)


def _whole(value: int | None) -> int | str:
    return _NULL if value is None else value


def _number(value: float | None) -> float | str:
    return value if value is not None and isfinite(value) else _NULL
