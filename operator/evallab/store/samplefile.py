"""The format of a samples artifact: JSON lines in independent zstd frames, so that one line is read without the rest.

`zstd -d` reads the whole file. A row points to its line by the byte offset of the frame and the line in it. Used by
`artifacts` only.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, BinaryIO

import zstandard
from pydantic_core import PydanticSerializationError

from evallab.api.contract import Sample
from evallab.api.errors import AdapterFailed
from evallab.store.atomic import Draft
from evallab.store.interface import SampleRow

FRAME_LINES = 64
_LEVEL = 3
Place = tuple[int, int]  #: byte offset of the frame, line in it

_SHA256 = re.compile(r"[0-9a-f]{64}")


def write(samples: Iterable[Sample], draft: Draft) -> list[SampleRow]:
    """Write samples a frame at a time, and return their rows. Raises AdapterFailed for a sample that comes twice."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    rows: list[SampleRow] = []
    seen: set[tuple[int, int]] = set()
    for frame in _frames(samples):
        offset = draft.size
        lines = b"".join(_line(sample) for sample in frame)
        draft.write(compressor.compress(draft.note_content(lines)))
        for number, sample in enumerate(frame):
            _refuse_twice(sample, seen)
            rows.append(row(sample, (offset, number)))
    return rows


def read(stream: BinaryIO, rows: Sequence[SampleRow]) -> list[dict[str, Any]]:
    """Return the lines that rows point to, in the order of the rows; {} for a row without a text."""
    places = [_place(row) for row in rows]
    found: dict[Place | None, dict[str, Any]] = {}
    for offset, group in groupby(sorted({place for place in places if place}), key=lambda place: place[0]):
        lines = _frame_at(stream, offset)
        found |= {(offset, number): json.loads(lines[number]) for _, number in group}
    return [found.get(place, {}) for place in places]


def row(sample: Sample, place: Place | None = None) -> SampleRow:
    """Return the numbers and hashes of a sample, and the place of its texts."""
    offset, line = place or (None, None)
    return SampleRow(
        doc_id=sample.doc_id,
        repeat=sample.repeat,
        doc_hash=_digest(sample.doc_hash),
        prompt_hash=_digest(sample.prompt_hash),
        response_hash=_response_hash(sample.response),
        prompt_tokens=sample.prompt_tokens,
        completion_tokens=sample.completion_tokens,
        latency_ms=sample.latency_ms,
        finish_reason=sample.finish_reason,
        error=sample.error,
        text_offset=offset,
        text_line=line,
        cluster=sample.cluster,
        scores=dict(zip(_metrics(tuple(sample.scores)), sample.scores.values(), strict=True)),
    )


def _frames(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    frame: list[Sample] = []
    for sample in samples:
        frame.append(sample)
        if len(frame) == FRAME_LINES:
            yield frame
            frame = []
    if frame:
        yield frame


def _line(sample: Sample) -> bytes:
    """Return a sample as a line of JSON, in the order of its fields. What pydantic refuses, Python's encoder writes."""
    try:
        return sample.model_dump_json().encode() + b"\n"
    except (PydanticSerializationError, UnicodeEncodeError):
        return _encoded(sample.model_dump()) + b"\n"


def _encoded(value: Any) -> bytes:
    """Return canonical JSON. A lone surrogate becomes its escape, which is how JSON writes it."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def _frame_at(stream: BinaryIO, offset: int) -> list[bytes]:
    stream.seek(offset)
    with zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=False, closefd=False) as frame:
        return frame.read().split(b"\n")


def _refuse_twice(sample: Sample, seen: set[tuple[int, int]]) -> None:
    key = (sample.doc_id, sample.repeat)
    if key in seen:
        raise AdapterFailed(
            f"The samples hold doc_id {sample.doc_id}, repeat {sample.repeat} twice.",
            remedy="This is an error of the adapter: every answer to a question needs a `repeat` of its own.",
        )
    seen.add(key)


@lru_cache(maxsize=4096)
def _metrics(keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Split "metric,filter" once for all samples that have the same."""
    split = (key.rpartition(",") for key in keys)
    return tuple((metric, filter_) if comma else (filter_, "none") for metric, comma, filter_ in split)


def _digest(claimed: str) -> str:
    """Return a sha256 as it is; of anything else that identifies (adapters of others), its sha256."""
    return claimed if _SHA256.fullmatch(claimed) else hashlib.sha256(_encoded(claimed)).hexdigest()


def _response_hash(response: Any) -> str | None:
    if response is None:
        return None
    data = response.encode("utf-8", "backslashreplace") if isinstance(response, str) else _encoded(response)
    return hashlib.sha256(data).hexdigest()


def _place(row: SampleRow) -> Place | None:
    return None if row.text_offset is None or row.text_line is None else (row.text_offset, row.text_line)
