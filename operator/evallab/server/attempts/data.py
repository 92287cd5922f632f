"""The test data of an attempt as a tar stream, with what it is in a header."""

import asyncio
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from evallab.api.evalhub.errors import ApiError
from evallab.datasets.failures import (
    DatasetChanged,
    DatasetCredentials,
    DatasetFailed,
    DatasetHashMismatch,
    DatasetNoSpace,
    DatasetNotFound,
    DatasetTimeout,
)
from evallab.datasets.snapshots import Snapshot
from evallab.server.answers import answer
from evallab.server.attempts.parts import Caller, Parts
from evallab.server.attempts.supply import Fetching

SNAPSHOT = "X-Evallab-Snapshot"
_PIECE = 1 << 18
_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_STATUS: dict[type[DatasetFailed], int] = {
    DatasetNotFound: 404,
    DatasetCredentials: 403,
    DatasetHashMismatch: 409,
    DatasetChanged: 409,
    DatasetTimeout: 504,
    DatasetNoSpace: 507,
}


async def given(request: Request, caller: Caller, parts: Parts) -> Response:
    """Return the data; while it is fetched 503, and whoever asks comes again."""
    try:
        snapshot = await parts.supply.snapshot(caller.job, caller.attempt)
    except Fetching as error:
        raise ApiError("service_unavailable", reason=str(error)) from None
    except DatasetFailed as error:
        body = {"message_code": error.reason, "message": str(error), "trace": request.state.trace}
        return answer(body, _STATUS.get(type(error), 502))
    heads = [(_head(each.path, each.size), snapshot.content / each.path, each.size) for each in snapshot.manifest.files]
    length = sum(len(head) + _padded(size) for head, _, size in heads) + len(_END)
    headers = {SNAPSHOT: json.dumps(_record(snapshot)), "Content-Length": str(length)}
    return StreamingResponse(_tar(heads), headers=headers, media_type="application/x-tar")


def _record(snapshot: Snapshot) -> dict[str, object]:
    """Return what belongs into the provenance of scores, as on one computer (`engine.data`)."""
    kept = snapshot.manifest.model_dump(mode="json", include={"source", "asked", "revision", "sha256", "fetched_at"})
    return {"snapshot": snapshot.id, **kept, "files": len(snapshot.manifest.files), "size": snapshot.manifest.size}


def _head(name: str, size: int) -> bytes:
    """Return the header of a file: everybody may read it, and nothing in it depends on this machine."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o444
    return entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


async def _tar(heads: list[tuple[bytes, Path, int]]) -> AsyncIterator[bytes]:
    for head, path, size in heads:
        yield head
        with path.open("rb") as source:
            left = size
            while left > 0:
                piece = await asyncio.to_thread(source.read, min(_PIECE, left))
                if not piece:
                    raise DatasetChanged(f"{path.name} became shorter while it was read.")
                left -= len(piece)
                yield piece
        yield bytes(_padded(size) - size)
    yield _END
