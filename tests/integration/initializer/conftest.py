"""A pod before its adapter starts: its folders, and the init container as the process it is there."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SPEC = {
    "id": "job-1",
    "provider_id": "acme",
    "benchmark_id": "sums",
    "benchmark_index": 0,
    "model": {"name": "m", "url": "http://127.0.0.1:8090/model/v1"},
    "parameters": {"own": 1},
    "callback_url": "http://127.0.0.1:1/a/a1",
    "evallab": {"attempt_id": "a1", "seed": 7},
}


@dataclass
class Pod:
    """The folders of a pod."""

    root: Path
    spec: dict[str, Any] = field(default_factory=lambda: dict(SPEC))

    @property
    def test_data(self) -> Path:
        return self.root / "test_data"

    @property
    def work(self) -> Path:
        return self.root / "data" / "work"

    def secret(self, **keys: str) -> None:
        for name, value in keys.items():
            (self.root / "secret" / name).write_text(value)

    def init(
        self,
        source: dict[str, Any] | None = None,
        *,
        environ: dict[str, str] | None = None,
        largest_file: int | None = None,
        **fields: Any,
    ) -> int:
        """Run the init container and return its exit code."""
        (self.root / "test_data").mkdir(exist_ok=True)
        told = {"through_server": False, "server": "", "attempt": "a1", "restore": False, "timeout_seconds": 60}
        (self.root / "etc" / "init.json").write_text(json.dumps({**told, "source": source, **fields}))
        (self.root / "etc" / "job.json").write_text(json.dumps(self.spec))
        places = {"config": "etc/init.json", "meta": "meta", "data": "data", "test-data": "test_data",
                  "token-file": "token", "secret-dir": "secret", "termination-log": "termination-log"}  # fmt: skip
        flags = [word for name, path in places.items() for word in (f"--{name}", str(self.root / path))]
        done = subprocess.run(
            [sys.executable, "-m", "evallab.cli", "init", *flags],
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.root), **(environ or {})},
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=None if largest_file is None else _limited(largest_file),
        )
        self.log = done.stderr
        return done.returncode

    def files(self) -> dict[str, bytes]:
        """Return what the adapter finds."""
        return {
            path.relative_to(self.test_data).as_posix(): path.read_bytes()
            for path in sorted(self.test_data.rglob("*"))
            if path.is_file()
        }

    def job(self) -> dict[str, Any]:
        return dict(json.loads((self.root / "meta" / "job.json").read_text()))

    def record(self) -> dict[str, Any]:
        return dict(json.loads((self.root / "data" / "test_data.json").read_text()))

    def failure(self) -> dict[str, Any]:
        return dict(json.loads((self.root / "termination-log").read_text()))


def _limited(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    for folder in ("etc", "meta", "data/work", "test_data", "secret"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "token").write_text("projected-token")
    return Pod(tmp_path)
