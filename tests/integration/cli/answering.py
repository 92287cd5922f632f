"""Jobs of the answering adapter, run by the command as a user runs them."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.integration.cli.command import Command

ADAPTER = Path(__file__).with_name("answering_adapter.py")
Values = list[Any]


@dataclass(frozen=True)
class Answering:
    """`evallab` with a provider whose jobs answer what their manifest says."""

    evallab: Command
    folder: Path

    def prepare(self) -> None:
        """Write the provider."""
        providers = self.folder / "config" / "providers"
        providers.mkdir(parents=True)
        benchmarks = [{"id": f"b{number}", "name": f"b{number}"} for number in range(6)]
        about = {"id": "answering", "name": "answering", "benchmarks": benchmarks}
        command = {"runtime": {"local": {"command": f"{sys.executable} {ADAPTER}"}}}
        (providers / "answering.yaml").write_text(yaml.safe_dump({**about, **command}))

    def run(
        self, name: str, *benchmarks: dict[str, Any], compare: dict[str, Any] | None = None, output: str = "json"
    ) -> "subprocess.CompletedProcess[str]":
        """Run a job with one benchmark per dictionary of parameters."""
        listed = [
            {"providerId": "answering", "id": f"b{number}", "parameters": parameters}
            for number, parameters in enumerate(benchmarks)
        ]
        spec = {"model": {"name": "m", "url": "http://127.0.0.1:9/v1"}, "benchmarks": listed, "retries": 0}
        manifest = {
            "apiVersion": "evallab.dev/v1alpha1",
            "kind": "EvalJob",
            "metadata": {"name": name},
            "spec": {**spec, **({"compare": compare} if compare else {})},
        }
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(manifest))
        return self("run", "-f", str(path), "--local", "--output", output)

    def report(self, name: str, *benchmarks: dict[str, Any], **options: Any) -> Any:
        """Run a job that completes and return its report."""
        done = self.run(name, *benchmarks, **options)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return json.loads(done.stdout)

    def __call__(self, *args: str) -> "subprocess.CompletedProcess[str]":
        """Run a command; none of them ends in a traceback."""
        done = self.evallab(*args, EVALLAB_CONFIG_DIR=str(self.folder / "config"))
        assert "Traceback" not in done.stderr, done.stderr
        return done


def right(count: int, of: int) -> dict[str, Values]:
    """The first `count` of so many questions are answered rightly."""
    return {"values": [1.0] * count + [0.0] * (of - count)}
