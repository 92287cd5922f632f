"""What the stock harness really writes becomes jobs: with intervals and rows, once, comparable with each other only."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from tests.integration.adapters.servers import reference_server
from tests.integration.cli.command import Command

from evallab.store.postgres import PostgresStore

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # the harness runs in this process
DEMO = Path(__file__).parents[3] / "adapters" / "evallab_adapters" / "demo_tasks"
TASKS, LIMIT = ["demo_arith", "demo_facts"], 12


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the stock harness, as its users make it: `good`; and `bad`, the same with generated answers spoilt."""
    folder = tmp_path_factory.mktemp("stock")
    with pytest.MonkeyPatch.context() as patch, reference_server() as url:
        patch.chdir(DEMO)  # its data files are relative to where it runs
        evaluate(url, folder / "good")
    shutil.copytree(folder / "good", folder / "bad")
    spoil(folder / "bad")
    return folder


def spoil(folder: Path) -> None:
    """Make every generated answer of a run wrong, in its rows and in its results."""
    [samples] = folder.rglob("samples_demo_arith_*.jsonl")
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    wrong = [
        row | {"resps": [[" I do not know."]], "filtered_resps": ["[invalid]"], "exact_match": 0.0} for row in rows
    ]
    samples.write_text("".join(f"{json.dumps(row)}\n" for row in wrong))
    results = json.loads(results_file(folder).read_text())
    results["results"]["demo_arith"]["exact_match,strict-match"] = 0.0
    results_file(folder).write_text(json.dumps(results | {"date": results["date"] + 3600}))


def evaluate(url: str, folder: Path) -> None:
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    tracker = EvaluationTracker(output_path=str(folder))
    results = simple_evaluate(
        model="local-completions",
        model_args={"base_url": f"{url}/v1/completions", "model": "demo", "num_concurrent": 1, "max_length": 512},
        tasks=TASKS,
        num_fewshot=0,
        limit=LIMIT,
        bootstrap_iters=0,
        evaluation_tracker=tracker,
        task_manager=TaskManager(include_path=str(DEMO), include_defaults=False),
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for task in results["configs"]:
        tracker.save_results_samples(task_name=task, samples=samples[task])


def results_file(folder: Path) -> Path:
    [found] = folder.rglob("results_*.json")
    return found


async def test_a_run_becomes_a_job_once(stock: Path, evallab: Command, store: PostgresStore) -> None:
    assert evallab.said("import", "lm-eval", str(stock / "good")).endswith(" imported\n")
    assert evallab.said("import", "lm-eval", str(stock / "good")).endswith(" was imported before\n")
    job_id = await store.resolve("demo")
    snapshot = await store.snapshot(job_id)
    theirs = json.loads(results_file(stock / "good").read_text())

    assert (snapshot.job.state, snapshot.job.runtime, len(snapshot.attempts)) == ("completed", "imported", 2)
    scores = await store.scores(job_id, primary_only=True)
    assert [(each.benchmark_id, each.metric, each.filter, each.n, each.interval_method) for each in scores] == [
        ("demo_arith", "exact_match", "strict-match", LIMIT, "wilson"),
        ("demo_facts", "acc", "none", LIMIT, "wilson"),
    ]
    assert [each.value for each in scores] == [
        theirs["results"]["demo_arith"]["exact_match,strict-match"],
        theirs["results"]["demo_facts"]["acc,none"],
    ]
    assert [each.validity for each in scores] == ["valid", "valid"]
    rows = await store.samples(job_id, 1)
    samples = next((stock / "good").rglob("samples_demo_facts_*.jsonl")).read_text().splitlines()
    assert [row.doc_hash for row in rows] == [json.loads(line)["doc_hash"] for line in samples]
    assert {(row.latency_ms, row.prompt_tokens, row.finish_reason) for row in rows} == {(None, None, None)}


async def test_it_says_from_which_files_and_what_is_unknown(stock: Path, evallab: Command) -> None:
    evallab.said("import", "lm-eval", str(stock / "good"))
    record = evallab.json("show", "demo", "--provenance")
    file = results_file(stock / "good")

    assert record["job"]["imported"]["files"][file.name] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert record["job"]["imported"]["lm_eval_version"] == json.loads(file.read_text())["lm_eval_version"]
    assert record["job"]["unknown"]["packages"] == "the job was imported, and its files do not say"
    assert record["benchmarks"]["0"]["question"]["tasks"][0]["task_hash"]
    texts = evallab("samples", "demo", "-b", "demo_arith", "-n", "1", "-o", "json")
    assert json.loads(texts.stdout)["samples"][0]["prompt"].startswith("Question: Hugo has")


async def test_two_imported_runs_are_paired(stock: Path, evallab: Command, store: PostgresStore) -> None:
    evallab.said("import", "lm-eval", str(stock / "good"), "--family", "tiny")
    evallab.said("import", "lm-eval", str(stock / "bad"), "--model", "spoilt", "--family", "tiny")
    changes = evallab.json("diff", "spoilt", "demo")["changes"]

    assert [(each["id"], each["comparison"]["n"], each["comparison"]["gained"]) for each in changes] == [
        ("demo_arith", LIMIT, 0),
        ("demo_facts", LIMIT, 0),
    ]
    assert changes[0]["comparison"]["lost"] > 0
    assert changes[1]["comparison"]["lost"] == 0
    points = evallab.json("history", "tiny", "demo_arith", "--family")["points"]
    assert [each["model"] for each in points] == ["demo", "spoilt"]
    native = {each.question_key for each in await store.latest() if each.job in {"demo-f16", "demo-q3"}}
    imported = {each.question_key for each in await store.latest() if each.job in {"demo", "spoilt"}}
    assert (len(imported), imported & native) == (2, set())


async def test_without_samples_there_are_scores_and_no_claims(
    stock: Path, evallab: Command, store: PostgresStore, tmp_path: Path
) -> None:
    shutil.copy(results_file(stock / "good"), tmp_path)
    evallab.said("import", "lm-eval", str(tmp_path), "--model", "bare")
    scores = await store.scores(await store.resolve("bare"), primary_only=True)

    assert [(each.question_key, each.ci_low, each.validity, each.n) for each in scores] == [
        (None, None, "degraded", LIMIT)
    ] * 2


def test_a_folder_of_something_else_is_refused(evallab: Command, tmp_path: Path) -> None:
    done = evallab("import", "lm-eval", str(tmp_path))
    assert (done.returncode, "no results of lm-evaluation-harness" in done.stderr) == (2, True)
    (tmp_path / "results_x.json").write_text("[]")
    done = evallab("import", "lm-eval", str(tmp_path))
    assert (done.returncode, "the field `results` is missing" in done.stderr) == (2, True)
