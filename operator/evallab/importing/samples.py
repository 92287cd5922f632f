"""Rows of the stock harness to samples of the contract: one per document, its filters folded in. For `conversion`."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from evallab.api.contract import Sample
from evallab.api.errors import UsageError

Json = dict[str, Any]


def documents(path: Path) -> list[list[Json]]:
    """Return the rows of a samples file by document, in order of their ids; one row per filter."""
    found: dict[int, list[Json]] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
                found.setdefault(int(row["doc_id"]), []).append(row)
            except (ValueError, KeyError, TypeError) as error:
                raise UsageError(f"{path.name}, line {number}: no sample of lm-evaluation-harness.") from error
    return [found[doc_id] for doc_id in sorted(found)]


def sample(rows: list[Json], *, doc_id: int, prefixes: Iterable[str]) -> Sample:
    """Return the sample of one document. What the stock harness does not say stays None."""
    first = rows[0]
    return Sample(
        doc_id=doc_id,
        doc_hash=digest_of(first, "doc_hash", first.get("doc")),
        prompt_hash=digest_of(first, "prompt_hash", first.get("arguments")),
        prompt=_prompt(first.get("arguments") or {}),
        target=str(first.get("target", "")),
        response=_response(first.get("resps") or []),
        filtered={str(row.get("filter", "none")): row.get("filtered_resps") for row in rows},
        scores={f"{prefix}{key}": value for prefix in prefixes for row in rows for key, value in values(row).items()},
    )


def values(row: Json) -> Mapping[str, float]:
    """Return the values of a row as "metric,filter"; what is not a number (parts of a corpus metric) is left out."""
    names = row.get("metrics") or ()
    found = {name: row.get(name) for name in names}
    return {f"{name},{row.get('filter', 'none')}": float(v) for name, v in found.items() if isinstance(v, int | float)}


def digest_of(row: Json, name: str, content: Any) -> str:
    """Return a hash the harness wrote; of an older one that did not, that of the content."""
    return str(row.get(name) or hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest())


def _prompt(arguments: Any) -> Any:
    """Return the text that was asked; of several choices the common context with them."""
    calls = list(arguments.values()) if isinstance(arguments, dict) else [arguments]
    texts = [str(call.get("arg_0", "")) if isinstance(call, dict) else str(call) for call in calls]
    seconds = [call.get("arg_1") if isinstance(call, dict) else None for call in calls]
    if len(texts) == 1 or not all(isinstance(second, str) for second in seconds):
        return texts[0] if texts else None
    return {"contexts": texts, "choices": seconds} if len(set(texts)) > 1 else {"context": texts[0], "choices": seconds}


def _response(resps: list[Any]) -> str:
    """Return the text, or JSON: of several texts, or of [log-likelihood, greedy] for each choice."""
    flat = [each[0] if isinstance(each, list) and len(each) == 1 else each for each in resps]
    pairs = [_pair(each) for each in flat]
    if all(pair is not None for pair in pairs):
        return json.dumps(pairs)
    return str(flat[0]) if len(flat) == 1 and isinstance(flat[0], str) else json.dumps(flat, ensure_ascii=False)


def _pair(value: Any) -> list[Any] | None:
    """Read [log-likelihood, greedy], which the harness writes as two texts."""
    if not isinstance(value, list) or len(value) != 2 or str(value[1]) not in {"True", "False"}:
        return None
    try:
        return [float(value[0]), str(value[1]) == "True"]
    except (TypeError, ValueError):
        return None
