"""An adapter that reports the samples which the job's parameters name; a real process of real jobs."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

SPEC = json.loads(Path(os.environ["EVALHUB_JOB_SPEC_PATH"]).read_text())
PARAMETERS = SPEC["parameters"]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def sample(place: int, value: Any) -> dict[str, Any]:
    """One answer; `repeats` asks each question so often, `copies` makes all questions one document."""
    question = place // PARAMETERS.get("repeats", 1)
    of = digest("the same" if PARAMETERS.get("copies") else f"question {question}")
    clusters = PARAMETERS.get("clusters")
    return {
        "doc_id": question,
        "repeat": place % PARAMETERS.get("repeats", 1),
        "doc_hash": of,
        "prompt_hash": of,
        "cluster": clusters[question] if clusters else None,
        "response": f"answer {value}",
        "scores": {"acc,none": value},
    }


def main() -> None:
    values = [float("nan") if value == "not a number" else value for value in PARAMETERS["values"]]
    lines = [json.dumps(sample(place, value)) for place, value in enumerate(values)]
    Path(os.environ["EVALLAB_ARTIFACTS_DIR"], "samples.jsonl").write_text("\n".join(lines) + "\n")
    numbers = [value for value in values if isinstance(value, (int, float))]
    result = {
        "status": "completed",
        "scores": [{"metric": "acc", "filter": "none", "value": sum(numbers) / len(numbers), "primary": True}],
        "counts": {"total": len(values), "answered": len(values)},
        "question": {"task": SPEC["benchmark_id"], "asked": PARAMETERS.get("asked", "this")},
        "samples": "samples.jsonl",
    }
    Path(os.environ["EVALLAB_RESULT_FILE"]).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
