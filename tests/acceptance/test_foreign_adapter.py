"""Must "Local runtime": a foreign adapter, a shell script that posts with curl, runs as it does under EvalHub."""

import json
import shutil
from pathlib import Path

import pytest
from tests.acceptance.command import EXAMPLES, Command

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the example needs curl")


def test_a_shell_script_with_curl_is_an_adapter(evallab: Command, tmp_path: Path) -> None:
    (tmp_path / "providers").mkdir()
    source = EXAMPLES / "foreign-adapter"
    text = (source / "provider.yaml").read_text().replace("examples/foreign-adapter", str(source))
    (tmp_path / "providers" / "foreign.yaml").write_text(text)
    environ = evallab.environ | {"EVALLAB_CONFIG_DIR": str(tmp_path)}
    listed = evallab("providers", "foreign", "--output", "json", environ=environ)
    benchmark = json.loads(listed.stdout)["benchmarks"][0]["id"]
    done = evallab(
        "run", "--local", "--model", "any", "--url", "http://127.0.0.1:9/v1", "-b", f"foreign/{benchmark}",
        "--output", "json", environ=environ, cwd=source.parents[1],
    )  # fmt: skip
    assert done.returncode == 0, (done.stderr, done.stdout)
    report = json.loads(done.stdout)
    assert report["state"] == "completed"
    assert isinstance(report["benchmarks"][0]["score"]["value"], float)
