"""Tab: real ids and names in a real bash, fast, never starting a database, never saying an error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from tests.integration.cli.command import Command

from evallab.cli.main import cli

SCRIPT = """
source <(evallab completion bash)
COMP_WORDS=({words}) COMP_CWORD={place}
_evallab_completion evallab
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def offered(*args: str, incomplete: str = "") -> list[str]:
    found = ShellComplete(cli, {}, "evallab", "_EVALLAB_COMPLETE").get_completions(list(args), incomplete)
    return [item.value for item in found]


@pytest.fixture
def here(evallab: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Complete in this process, as the command would in its own."""
    for name, value in evallab.environ.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("here")
class TestWithAStore:
    """Real ids and names."""

    @pytest.mark.parametrize("command", ["show", "logs", "cancel", "diff", "samples"])
    def test_jobs_by_name_newest_first(self, command: str) -> None:
        assert offered(command) == ["demo-q3", "demo-f16"]
        assert offered(command, incomplete="demo-f") == ["demo-f16"]

    def test_jobs_by_id(self) -> None:
        assert offered("show", incomplete="ca4") == ["ca4d1da7"]
        assert offered("show", incomplete="ca4d1da7e0") == ["ca4d1da7e0000000"]
        assert offered("show", incomplete="zz") == []

    def test_the_baseline_is_a_job_too(self) -> None:
        assert offered("diff", "demo-q3") == ["demo-q3", "demo-f16"]

    def test_benchmarks_of_the_job(self) -> None:
        assert offered("samples", "demo-q3", "--benchmark") == ["demo_arith", "demo_facts"]
        assert offered("samples", "demo-q3", "-b", incomplete="demo_f") == ["demo_facts"]
        assert offered("samples", "nothing", "-b") == []


def test_benchmarks_of_the_catalog_and_providers() -> None:
    assert offered("run", "--benchmark", incomplete="lm_evaluation_harness/gsm8k_pl") == [
        "lm_evaluation_harness/gsm8k_platinum",
        "lm_evaluation_harness/gsm8k_platinum_cot",
        "lm_evaluation_harness/gsm8k_platinum_cot_llama",
        "lm_evaluation_harness/gsm8k_platinum_cot_self_consistency",
        "lm_evaluation_harness/gsm8k_platinum_cot_zeroshot",
    ]
    assert offered("providers", incomplete="lm_") == ["lm_evaluation_harness"]


@pytest.mark.parametrize(
    "url", ["postgresql://nobody@127.0.0.1:1/nothing", "postgresql://nobody@127.0.0.1:1/x?connect_timeout=x", None]
)
def test_without_a_database_nothing_is_offered_and_nothing_started(
    url: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVALLAB_HOME", str(tmp_path))
    if url:
        monkeypatch.setenv("EVALLAB_DATABASE_URL", url)
    else:
        monkeypatch.delenv("EVALLAB_DATABASE_URL", raising=False)
    assert offered("show") == []
    assert offered("samples", "x", "-b") == []
    assert (list(tmp_path.iterdir()), capfd.readouterr()) == ([], ("", ""))


def in_bash(words: str, place: int, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(words=words, place=place)
    environ = {**environ, "PATH": f"{Path(sys.executable).parent}:{environ['PATH']}"}
    return subprocess.run(
        ["bash", "--norc", "-c", script], env=environ, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize(
    ("words", "place", "expected"),
    [
        ("evallab sho", 1, "show\n"),
        ("evallab show ''", 2, "demo-q3\ndemo-f16\n"),
        ("evallab show ca4", 2, "ca4d1da7\n"),
        ("evallab samples demo-q3 -b demo_a", 4, "demo_arith\n"),
        ("evallab samples --fa", 2, "--failed\n"),
        ("evallab show demo-q3 --output j", 4, "json\njunit\n"),
    ],
)
def test_in_a_real_bash(evallab: Command, words: str, place: int, expected: str) -> None:
    done = in_bash(words, place, evallab.environ)
    assert (done.stdout, done.stderr) == (expected, "")


def test_bash_hears_no_error(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "EVALLAB_HOME": str(tmp_path / "home")}
    config = tmp_path / ".config" / "evallab"
    config.mkdir(parents=True)
    (config / "config.yaml").write_text("database: [nonsense")
    done = in_bash("evallab show x", 2, {**environ, "XDG_CONFIG_HOME": str(tmp_path / ".config")})
    assert (done.stdout, done.stderr) == ("\n", "")
