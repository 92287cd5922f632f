"""Attempts of the tests: a directory with job.json, and the adapter as the process that a runtime would start."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evallab.api.contract import Result, Sample

Json = dict[str, Any]


@dataclass
class AttemptDirectory:
    """One attempt's directory; `run` may be called again, the work directory survives."""

    root: Path
    benchmark: str
    url: str
    callback: str
    parameters: Json = field(default_factory=dict)
    more: Json = field(default_factory=dict)
    output: str = ""

    def start(self, environ: Json | None = None) -> "subprocess.Popen[str]":
        """Write job.json and start the adapter."""
        spec = {
            "id": "job-1",
            "provider_id": "lm_evaluation_harness",
            "benchmark_id": self.benchmark,
            "benchmark_index": 0,
            "model": {"url": f"{self.url}/v1", "name": "demo"},
            "parameters": self.parameters,
            "callback_url": f"{self.callback}/a/attempt-1",
            **self.more,
        }
        path = self.root / "meta" / "job.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(spec))
        return subprocess.Popen(
            [sys.executable, "-m", "evallab_adapters.lm_eval_harness"],
            env={**os.environ, "EVALHUB_JOB_SPEC_PATH": str(path), "HF_HUB_OFFLINE": "1", **(environ or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> int:
        """Run it to its end."""
        with self.start() as process:
            self.output, _ = process.communicate(timeout=300)
        return process.returncode

    def result(self) -> Result:
        """What it left."""
        return Result.model_validate_json((self.root / "result.json").read_bytes())

    def samples(self) -> list[Sample]:
        """The rows it left."""
        lines = (self.root / "artifacts" / "samples.jsonl").read_text().splitlines()
        return [Sample.model_validate_json(line) for line in lines]

    def failure(self) -> str:
        """The sentence it failed with."""
        result = self.result()
        assert (result.status, result.error is None) == ("failed", False), self.output
        assert result.error is not None
        return result.error.message
