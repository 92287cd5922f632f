"""Measure the demo model's variants with the stock lm-evaluation-harness and write scores.json.

    python measure.py [--out scores.json] [--concurrency 4]

Each variant is served by `python -m evallab.modelserver.reference` and asked by the harness' own `local-completions`
model; nothing of evallab's adapters takes part, so the numbers are a check on those too.
"""

import argparse
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}  # before the harness is imported

REPOSITORY = Path(__file__).resolve().parent.parent
TASKS = REPOSITORY / "adapters" / "evallab_adapters" / "demo_tasks"
MODELS = REPOSITORY / "operator" / "evallab" / "modelserver" / "reference" / "demo"
VARIANTS = ("demo-f16", "demo-q8_0", "demo-q4_0", "demo-q3")
BENCHMARKS = {  # task -> its primary metric
    "demo_arith": "exact_match",
    "demo_facts": "acc",
    "demo_complete": "acc",
    "demo_instruct": "exact_match",
    "demo_code": "pass@1",
}


@contextmanager
def served(variant):
    """Serve a variant; yield its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    model = MODELS / f"{variant}.gguf"
    command = [sys.executable, "-m", "evallab.modelserver.reference", str(model), "--port", str(port), "--name", "demo"]
    with subprocess.Popen(command) as process:
        try:
            wait(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait(url, process):
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit("the server did not start")
        try:
            urllib.request.urlopen(url)
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server did not answer")


def resolved_tasks(folder):
    """Copy the tasks with absolute paths to their data, as an adapter does."""
    for file in TASKS.iterdir():
        if file.suffix in (".yaml", ".py"):
            text = file.read_text().replace("test: data/", f"test: {TASKS / 'data'}/")
            (folder / file.name).write_text(text)


def evaluate(url, folder, concurrency):
    """Return the harness' samples: task -> list, in the order of the questions."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    arguments = f"base_url={url}/v1/completions,model=demo,num_concurrent={concurrency},tokenizer_backend=remote"
    result = simple_evaluate(
        model="local-completions",
        model_args=arguments,
        tasks=list(BENCHMARKS),
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
        log_samples=True,
        bootstrap_iters=0,
    )
    return {task: sorted(samples, key=lambda s: s["doc_id"]) for task, samples in result["samples"].items()}


def compared(old, new):
    """Return how many answers were lost and gained, and the exact two-sided McNemar p."""
    lost, gained = sum(a > b for a, b in zip(old, new)), sum(b > a for a, b in zip(old, new))
    n = lost + gained
    tail = sum(math.comb(n, i) for i in range(min(lost, gained) + 1))
    return {"lost": lost, "gained": gained, "mcnemar_p": min(1.0, 2 * tail / 2**n)}


def summary(samples):
    """Return benchmark -> variant -> numbers, each variant against F16."""
    out = {}
    for task, metric in BENCHMARKS.items():
        values = {variant: [float(s[metric]) for s in samples[variant][task]] for variant in samples}
        out[task] = {}
        for variant, each in values.items():
            numbers = {"metric": metric, "n": len(each), "score": round(sum(each) / len(each), 4)}
            against = {} if variant == VARIANTS[0] else {"against_f16": compared(values[VARIANTS[0]], each)}
            out[task][variant] = numbers | against
    return out


def main():
    parser = argparse.ArgumentParser(description="Measure every variant.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "scores.json")
    parser.add_argument("--samples", type=Path, help="also keep every answer here")
    parser.add_argument("--concurrency", type=int, default=4)
    options = parser.parse_args()
    samples = {}
    with tempfile.TemporaryDirectory() as name:
        resolved_tasks(Path(name))
        for variant in VARIANTS:
            with served(variant) as url:
                samples[variant] = evaluate(url, Path(name), options.concurrency)
    if options.samples:
        options.samples.write_text(json.dumps(samples, default=str))
    options.out.write_text(json.dumps(summary(samples), indent=1) + "\n")


if __name__ == "__main__":
    main()
