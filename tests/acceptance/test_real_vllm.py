"""The real vLLM, where somebody has one: `make test-vllm` (a build for CPUs will do): what it scores, and what is kept.

One job is run four times: as it is, repeated, with another type of numbers, with another chat template. Its arguments
are in a file that `serve.args` names, so the last two are changes that no argument shows.
"""

import json
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.command import Command
from tests.acceptance.real_vllm import VLLM, in_process, manifest, run, untrained

from evallab.modelserver.bundled import bundled

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not VLLM, reason="VLLM names no vllm")]
WIDE = {
    "hidden_size": 1024,
    "intermediate_size": 2816,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 128,
}
PYTHON = "python{}.{}".format(*sys.version_info)
OTHER_TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"


@dataclass(frozen=True)
class Answered:
    """A job and its repetition, as they ended."""

    first: Any
    repetition: Any
    arguments: Path


def write(arguments: Path, **changed: str) -> None:
    """Write the file of arguments, JSON being YAML."""
    arguments.write_text(json.dumps({"dtype": "float32", "enforce-eager": True} | changed))


@pytest.fixture(scope="module")
def answered(evallab: Command) -> Answered:
    arguments = evallab.home / "arguments.yaml"
    write(arguments)
    code, first, said = run(evallab, *manifest(evallab, "first", "--config", str(arguments)))
    assert code == 0, (first, said)
    code, repetition, said = run(evallab, "reproduce", "first", "--local", "--output", "json")
    assert code == 0, (repetition, said)
    return Answered(first, repetition, arguments)


def test_vllm_scores_what_the_reference_engine_scores(evallab: Command, answered: Answered) -> None:
    code, theirs, said = run(evallab, *manifest(evallab, "reference", runtime="reference"))
    assert code == 0, said
    scores = [[each["score"]["value"] for each in report["benchmarks"]] for report in (answered.first, theirs)]
    assert scores[0] == pytest.approx(scores[1], abs=0.05)


def test_its_record_says_what_answered(evallab: Command, answered: Answered) -> None:
    record = evallab.json("show", "first", "--provenance")
    server = record["job"]["model_server"]
    assert server["argv"] == [
        *("vllm", "serve", "hf", "--host", "127.0.0.1", "--port", "PORT", "--served-model-name", "tiny"),
        *("--enable-tokenizer-info-endpoint", "--seed", "0", "--no-enable-prefix-caching"),
        *("--config", str(answered.arguments)),
    ]
    version = server["server"]["version"]
    assert (server["runtime"], server["server"]["id"], server["server"]["max_model_len"]) == ("vllm", "tiny", 512)
    assert (version.count("."), server["deaths"], server["env"]["VLLM_CPU_KVCACHE_SPACE"]) == (2, 0, "1")
    assert (server["settings"]["enable_prefix_caching"], server["settings"]["cache_dtype"]) == ("False", "auto")
    for each in record["benchmarks"].values():
        assert each["answered_by"]["server_version"] == {"version": version}
        assert each["answered_by"]["max_model_len"] == 512
    assert record["benchmarks"]["0"]["preflight"]["echo"] == "proved"


def test_its_counters_are_read_from_its_page(evallab: Command, answered: Answered) -> None:
    speed = answered.first["telemetry"]["throughput"]
    assert speed["tokens_per_second"] > 0
    assert (speed["preemptions"], speed["validity"]) == (0, "valid")
    assert speed["waiting_max"] is not None


def test_in_float32_it_reproduces_bitwise_and_its_canary_is_identical(evallab: Command, answered: Answered) -> None:
    assert [each["found"]["verdict"] for each in answered.repetition["benchmarks"]] == ["bitwise"] * 2
    verdict = evallab.json("show", answered.repetition["repetition"])["canary"]
    assert (verdict["outcome"], verdict["compared"], verdict["drift"]) == ("identical", 16, 0.0)
    assert (verdict["within"], verdict["batch_effect"], verdict["detail"]) == ("identical", "identical", "token ids")


def test_another_type_of_numbers_is_told_as_drift_which_degrades(evallab: Command, answered: Answered) -> None:
    write(answered.arguments, dtype="bfloat16")
    code, report, said = run(evallab, *manifest(evallab, "first", "--config", str(answered.arguments)))
    assert code == 0, said
    assert (report["canary"]["outcome"], report["canary"]["within"]) == ("numeric_drift", "identical")
    assert {each["score"]["validity"] for each in report["benchmarks"]} == {"degraded"}
    [reason] = report["benchmarks"][0]["score"]["validity_reasons"]
    assert reason.startswith("CanaryDrift: the model server repeats itself, but not what it said in job")


def test_another_chat_template_is_told_as_a_change_which_makes_scores_invalid(
    evallab: Command, answered: Answered, tmp_path: Path
) -> None:
    template = tmp_path / "other.jinja"
    template.write_text(OTHER_TEMPLATE)
    write(answered.arguments, **{"chat-template": str(template)})
    code, report, said = run(evallab, *manifest(evallab, "first", "--config", str(answered.arguments)))
    assert (report["canary"]["outcome"], report["canary"]["within"]) == ("changed", "identical"), said
    assert "another template, tokenizer or limit" in report["canary"]["why"]
    assert {each["score"]["validity"] for each in report["benchmarks"]} == {"invalid"}
    assert code == 4


def test_a_server_that_batches_in_bfloat16_has_a_batch_effect_which_is_told(evallab: Command, tmp_path: Path) -> None:
    source = untrained(tmp_path / "wide", WIDE)
    argv = manifest(evallab, "wide", "--dtype", "bfloat16", "--enforce-eager", source=source)
    code, report, said = run(evallab, *argv)
    assert (code, report["canary"]["outcome"], report["canary"]["within"]) == (0, "first", "identical"), said
    assert report["canary"]["batch_effect"] == "numeric_drift"
    reasons = [reason for each in report["benchmarks"] for reason in each["score"]["validity_reasons"]]
    assert not [reason for reason in reasons if "Canary" in reason]


def borrowed(evallab: Command) -> None:
    """Put the packages of this vLLM where evallab would make an environment for lm-eval's back end."""
    theirs = Path(VLLM).parents[1]
    packages = [path for path in theirs.glob("lib/python*/site-packages") if path.parent.name == PYTHON]
    if not packages:
        pytest.skip(f"the vLLM is not of {PYTHON}, as this evallab is")
    name = f"lm-eval-vllm-{version('lm-eval')}"
    folder = evallab.home / "lab" / "environments" / name
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").symlink_to(theirs / "lib")
    record = {"name": name, "python": PYTHON, "packages": {"vllm": "borrowed"}, "made_at": "2026-01-01T00:00:00+00:00"}
    (folder / "environment.json").write_text(json.dumps(record))


def test_loaded_by_lm_eval_itself_it_scores_the_same(evallab: Command, answered: Answered) -> None:
    borrowed(evallab)
    some = {"dtype": "float32", "enforce_eager": True, "max_model_len": 512, "gpu_memory_utilization": 0.15}
    code, report, said = run(evallab, *in_process(evallab, "loaded", pretrained=str(bundled("demo-hf")), **some))
    assert code == 0, (report, said)
    scores = [[row["score"]["value"] for row in each["benchmarks"]] for each in (report, answered.first)]
    assert scores[0] == scores[1]
    record = evallab.json("show", "loaded", "--provenance")
    assert record["job"]["model_server"]["runtime"] == "in process: lm-eval vllm"
    assert record["benchmarks"]["0"]["answered_by"]["endpoint"] == "in process"
