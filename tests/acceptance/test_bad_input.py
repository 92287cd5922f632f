"""Bad input: one sentence each, exit code 2, nothing started, nothing stored touched."""

from pathlib import Path

import pytest
from tests.acceptance.command import EXAMPLES, Command

GOOD = (EXAMPLES / "quickstart.yaml").read_text()
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)
BAD = {
    "wrong field": (GOOD.replace("providerId:", "providerID:", 1), "providerId"),
    "wrong type": (GOOD + "  retries: many\n", "retries"),
    "unknown benchmark": (GOOD.replace("id: demo_arith", "id: demo_aritth"), "demo_arith"),
    "unknown provider": (GOOD.replace("lm_evaluation_harness", "lm_evaluation_harnes", 1), "lm_evaluation_harness"),
    "empty file": ("", "empty"),
    "two documents": (GOOD + "\n---\n" + GOOD, "document"),
    "tabs": (GOOD.replace("spec:\n", "spec:\n\t", 1), "tab"),
    "a YAML bomb": (BOMB, "alias"),
    "10 MB": ("# " + "x" * 10_000_000 + "\n" + GOOD, "MB"),
    "not a mapping": ("- 1\n- 2\n", "mapping"),
}


@pytest.mark.parametrize("what", list(BAD))
def test_a_bad_manifest_is_one_sentence_and_exit_code_2(what: str, evallab: Command, tmp_path: Path) -> None:
    text, expected = BAD[what]
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    done = evallab("run", "-f", str(path), "--local")
    assert (done.returncode, done.stdout) == (2, "")
    assert expected.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 6, done.stderr


@pytest.mark.parametrize(
    ("what", "setting", "expected"),
    [
        ("URL", "spec.model.url=ftp://example", "http"),
        ("port", "spec.model.url=http://127.0.0.1:99999/v1", "port"),
    ],
)
def test_a_bad_endpoint_is_said_before_anything_starts(
    what: str, setting: str, expected: str, evallab: Command, tmp_path: Path
) -> None:
    path = tmp_path / "url.yaml"
    head, _, tail = GOOD.partition("    serve:")
    benchmarks = tail[tail.index("  benchmarks:") :]
    path.write_text(head + "    url: http://127.0.0.1:8000/v1\n" + benchmarks)
    done = evallab("run", "-f", str(path), "--local", "--set", setting)
    assert done.returncode == 2, (what, done.stderr)
    assert expected in done.stderr


@pytest.mark.parametrize(
    ("what", "setting"),
    [
        ("path", "spec.model.serve.source={path: /nowhere/model.gguf}"),
        ("missing dataset", "spec.benchmarks[0].testDataRef={path: /nowhere/data.jsonl}"),
        ("include path", "spec.benchmarks[0].parameters={include_path: /nowhere}"),
    ],
)
def test_a_missing_file_is_said_before_anything_starts(what: str, setting: str, evallab: Command) -> None:
    done = evallab("run", "-f", str(EXAMPLES / "quickstart.yaml"), "--local", "--set", setting)
    assert done.returncode == 2, (what, done.stderr)
    assert "/nowhere" in done.stderr


def test_nothing_was_started_and_nothing_stored(fresh_home: Path, tmp_path: Path) -> None:
    command = Command(tmp_path)
    path = tmp_path / "bad.yaml"
    path.write_text(BAD["unknown benchmark"][0])
    assert command("run", "-f", str(path), "--local").returncode == 2
    assert not (tmp_path / "lab").exists()
    assert not (tmp_path / "jobs").exists()


def test_a_chat_only_server_asked_for_log_likelihood_is_said_before_the_first_sample(
    evallab: Command, chat_only_server: str
) -> None:
    done = evallab(
        "run", "--local", "--model", "chatty", "--url", chat_only_server,
        "--benchmark", "lm_evaluation_harness/demo_facts", "--output", "json",
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "log-likelihood" in done.stdout or "log-likelihood" in done.stderr
    [[samples]] = evallab.sql("select count(*) from samples where job = 'chatty'")
    assert samples == "0"
