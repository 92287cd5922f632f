"""The two commands that are compared: `evallab run --local`, and the stock `lm_eval`, in a directory of their own."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.timing import Ran, run

_BIN = Path(sys.executable).parent
CONCURRENT = 64


@dataclass
class Bench:
    """A directory with tasks, and a server to ask."""

    root: Path
    url: str
    runs: int = field(default=0)

    @property
    def environ(self) -> dict[str, str]:
        """An environment that holds nothing of the developer's and asks no hub."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "LANG": "C.UTF-8",
            "EVALLAB_HOME": str(self.root / "lab"),
            "EVALLAB_JOBS_DIR": str(self.root / "jobs"),
            "HF_HUB_OFFLINE": "1",
            "HF_DATASETS_OFFLINE": "1",
        }

    def evallab(self, *arguments: str) -> Ran:
        """Run an `evallab` command."""
        return run([str(_BIN / "evallab"), *arguments], self.environ, self.root)

    def job(self, tasks: Sequence[str]) -> Ran:
        """Run a job of these tasks with `evallab run --local`."""
        parameters = {"include_path": str(self.root / "tasks"), "concurrency": CONCURRENT}
        benchmarks = [{"providerId": "lm_evaluation_harness", "id": task, "parameters": parameters} for task in tasks]
        manifest = {
            "apiVersion": "evallab.dev/v1alpha1",
            "kind": "EvalJob",
            "metadata": {"name": "bench"},
            "spec": {"model": {"name": "mock", "url": f"{self.url}/v1"}, "benchmarks": benchmarks},
        }
        path = self.root / "bench.json"
        path.write_text(json.dumps(manifest))
        return self.evallab("run", "-f", str(path), "--local")

    def stock(self, task: str) -> Ran:
        """Run one task with the stock command, its answers kept as ours are."""
        self.runs += 1
        model = f"model=mock,base_url={self.url}/v1/completions,num_concurrent={CONCURRENT},tokenizer_backend=none"
        command = [
            str(_BIN / "lm_eval"), "run", "--model", "local-completions", "--model_args", model, "--tasks", task,
            "--include_path", str(self.root / "tasks"), "--log_samples", "--output_path", f"stock-{self.runs}",
        ]  # fmt: skip
        return run(command, self.environ, self.root)

    def stop(self) -> None:
        """Stop the embedded Postgres."""
        self.evallab("db", "stop")
