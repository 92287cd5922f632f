"""The two keys that say which numbers may be compared: what was asked, and what answered.

Called by the engine when it records a result.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN. Raises ValueError for NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=str)


def digest(value: Any) -> str:
    """Return the sha256 (hex) of a value's canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def question_key(provider_id: str, benchmark_id: str, question: Mapping[str, Any]) -> str | None:
    """Return the hash of everything that makes two scores answers to the same questions; None when nothing is known."""
    if not question:
        return None
    return digest({"provider": provider_id, "benchmark": benchmark_id, "question": question})


def setup_key(*, model: Mapping[str, Any], server: Mapping[str, Any], host: Mapping[str, Any]) -> str:
    """Return the hash of what answered: model identity, server with its full arguments, and the host's arithmetic."""
    return digest({"model": model, "server": server, "host": host})
