"""THE acceptance test: prompts, answers and scores are those of the stock harness, sample by sample."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.adapters.conftest import NewAttempt

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # the harness runs in this process
DEMO = Path(__file__).parents[3] / "adapters" / "evallab_adapters" / "demo_tasks"
LIMIT = 40


def stock(url: str, task: str, shots: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the harness as its users do, one request at a time."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    monkeypatch.chdir(folder)  # its data files are relative to where it runs
    return simple_evaluate(
        model="local-completions",
        model_args={"base_url": f"{url}/v1/completions", "model": "demo", "num_concurrent": 1, "max_length": 512},
        tasks=[task],
        num_fewshot=shots,
        limit=LIMIT,
        bootstrap_iters=0,
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
    )


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize(
    ("task", "metric"),
    [("demo_arith", "exact_match,strict-match"), ("demo_facts", "acc,none"), ("demo_complete", "acc_norm,none")],
)
def test_prompts_and_scores_are_those_of_the_stock_harness(  # noqa: PLR0917 - pytest names them
    attempt: NewAttempt, reference: str, monkeypatch: pytest.MonkeyPatch, task: str, metric: str, shots: int
) -> None:
    ours = attempt(task, limit=LIMIT, num_fewshot=shots)
    assert ours.run() == 0, ours.output
    theirs = stock(reference, task, shots, DEMO, monkeypatch)

    name = metric.split(",")[0]
    assert [each.doc_id for each in ours.samples()] == [row["doc_id"] for row in theirs["samples"][task]]
    for mine, row in zip(ours.samples(), theirs["samples"][task], strict=True):
        assert (mine.prompt_hash, mine.doc_hash) == (row["prompt_hash"], row["doc_hash"])
        assert prompt_text(mine.prompt) == row["arguments"][0][0]
        assert response(mine.response) == [each[0] for each in row["resps"]]
        assert mine.scores[metric] == float(row[name])
    [score] = [each for each in ours.result().scores if f"{each.metric},{each.filter}" == metric]
    assert score.value == theirs["results"][task][metric]
    assert score.n == LIMIT


def prompt_text(prompt: Any) -> str:
    return str(prompt["context"] if isinstance(prompt, dict) else prompt)


def response(text: str | None) -> list[Any]:
    """What the harness keeps of an answer: texts, or pairs of log-likelihood and whether it is greedy."""
    assert text is not None
    try:
        parsed = json.loads(text)
    except ValueError:
        return [text]
    return [tuple(each) for each in parsed] if isinstance(parsed, list) else [text]
