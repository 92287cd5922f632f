"""How fast the harness builds prompts under our adapter, beside the same harness without its compiled templates."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.row import Row
from benchmarks.tasks import BIG, write_task
from evallab.api.contract import JobSpec
from evallab_adapters.lm_eval_harness.parameters import parse_parameters


def rows(*, tiny: bool = False) -> list[Row]:
    """Measure."""
    os.environ["TQDM_DISABLE"] = os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"  # as the adapter does
    documents, times = (20, 1) if tiny else (1319, 3)
    with tempfile.TemporaryDirectory() as directory:
        write_task(Path(directory), BIG, documents)
        ours = statistics.median(_seconds(Path(directory)) for _ in range(times))
        stock = statistics.median(_seconds(Path(directory), stock=True) for _ in range(times))
    return [
        Row(
            metric="prompts of five examples built", measured=documents / ours, unit="documents/CPU s", target=2000,
            sense="at least", note=f"{documents} documents; the stock harness here: {documents / stock:.0f}",
        ),
    ]  # fmt: skip


def _seconds(folder: Path, *, stock: bool = False) -> float:
    """Build all prompts once; `stock`: with a template compiled for each rendering, as the harness does it."""
    from evallab_adapters.lm_eval_harness import questions
    from evallab_adapters.lm_eval_harness.loading import load

    spec = _spec(folder)
    parameters = parse_parameters(spec)
    loaded = load(spec, parameters)
    lm: Any = SimpleNamespace(tokenizer_name="mock", apply_chat_template=None)
    with _compiling(always=stock):
        began = time.process_time()
        built = questions.build(loaded, lm, parameters)
        seconds = time.process_time() - began
    if not built[0].instances[0].args[0].count("Question:") == 6:
        raise RuntimeError("The prompts do not have five examples.")
    return seconds


@contextmanager
def _compiling(*, always: bool) -> Iterator[None]:
    """Take the cache of compiled templates away meanwhile."""
    from lm_eval import utils

    kept = utils.env.from_string
    if always:
        utils.env.from_string = kept.__wrapped__
    try:
        yield
    finally:
        utils.env.from_string = kept


def _spec(folder: Path) -> JobSpec:
    raw = {
        "id": "bench", "provider_id": "lm_evaluation_harness", "benchmark_id": BIG, "benchmark_index": 0,
        "model": {"name": "mock", "url": "http://127.0.0.1:9/v1"}, "callback_url": "http://127.0.0.1:9",
        "parameters": {"include_path": str(folder)},
    }  # fmt: skip
    return JobSpec.model_validate(raw)
