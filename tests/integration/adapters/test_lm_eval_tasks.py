"""Tasks of a user: folders, groups, statistics of all answers, and stock tasks on other data."""

import json
from pathlib import Path

import pytest
from tests.integration.adapters.conftest import NewAttempt

pytestmark = pytest.mark.slow


GROUP = """
group: my_group
task: [my_sums, my_facts, my_facts_again]
aggregate_metric_list:
- {metric: acc, weight_by_size: true}
metadata: {version: 1.0}
"""


def own_tasks(folder: Path) -> None:
    """A folder of a user: two tasks on one relative data file, and a group that has them and a sum."""
    folder.mkdir()
    rows = [
        {"q": f"{n} + {n}", "choices": [str(2 * n), str(2 * n + 1)], "gold": 0, "sum": str(2 * n)} for n in range(1, 9)
    ]
    (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    facts = """
dataset_path: json
dataset_kwargs: {data_files: {test: sums.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "Question: {{q}}\\nAnswer:"
doc_to_choice: choices
doc_to_target: gold
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
"""
    (folder / "facts.yaml").write_text(f"task: my_facts\n{facts}")
    (folder / "again.yaml").write_text("include: facts.yaml\ntask: my_facts_again\ndescription: 'Add the numbers. '\n")
    (folder / "sums.yaml").write_text(
        "include: facts.yaml\ntask: my_sums\noutput_type: generate_until\ndoc_to_choice: null\n"
        'doc_to_target: "{{sum}}"\ngeneration_kwargs: {until: ["\\n"], max_gen_toks: 8}\n'
        "metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]\n"
    )
    (folder / "group.yaml").write_text(GROUP)


def test_a_group_has_its_own_scores_and_those_of_its_tasks(attempt: NewAttempt, tmp_path: Path) -> None:
    own_tasks(tmp_path / "tasks")
    ours = attempt("my_group", include_path="tasks", limit=5, more={"evallab": {"manifest_dir": str(tmp_path)}})
    assert ours.run() == 0, ours.output
    result, rows = ours.result(), ours.samples()
    scores = {each.metric: each for each in result.scores}
    assert list(scores) == ["acc", "my_sums/exact_match", "my_facts/acc", "my_facts_again/acc"]
    assert [each.metric for each in result.scores if each.primary] == ["acc"]
    assert (scores["acc"].n, scores["acc"].kind) == (10, "mean")
    assert [each.doc_id for each in rows] == list(range(15))
    for name, score in scores.items():
        values = [each.scores[f"{name},none"] for each in rows if f"{name},none" in each.scores]
        assert score.value == pytest.approx(sum(value or 0.0 for value in values) / len(values))
        assert score.n == len(values)
    assert [(task["task"], task["first_doc_id"]) for task in result.provenance["tasks"]] == [
        ("my_sums", 0),
        ("my_facts", 5),
        ("my_facts_again", 10),
    ]
    assert (result.counts.total, result.counts.answered, result.counts.errors) == (15, 15, 0)


def test_perplexity_is_a_statistic_of_all_answers(attempt: NewAttempt, tmp_path: Path) -> None:
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "text.jsonl").write_text(
        '{"text": "Ada has 3 shells. Bo has 4 shells."}\n{"text": "The key is in the box."}\n'
    )
    (folder / "text.yaml").write_text(
        "task: my_text\ndataset_path: json\ndataset_kwargs: {data_files: {test: text.jsonl}}\ntest_split: test\n"
        'output_type: loglikelihood_rolling\ndoc_to_text: ""\ndoc_to_target: "{{text}}"\n'
        "metric_list: [{metric: byte_perplexity}]\n"
    )
    ours = attempt("my_text", include_path=str(folder))
    assert ours.run() == 0, ours.output
    [score] = ours.result().scores
    assert (score.metric, score.kind, score.higher_is_better, score.n) == ("byte_perplexity", "corpus", False, 2)
    total = sum(json.loads(str(each.response))[0][0] for each in ours.samples())
    size = sum(len(text) for text in ("Ada has 3 shells. Bo has 4 shells.", "The key is in the box."))
    assert score.value == pytest.approx(2.718281828459045 ** (-total / size))


def test_a_stock_task_runs_on_a_snapshot_of_its_data(attempt: NewAttempt, tmp_path: Path) -> None:
    """gsm8k's own file with a folder in the place of the hub; only the folders it needs are indexed."""
    snapshot = tmp_path / "gsm8k@740312"
    (snapshot / "main").mkdir(parents=True)
    for split in ("train", "test"):
        docs = [{"question": f"What is {n} + 1?", "answer": f"It is {n + 1}.\n#### {n + 1}"} for n in range(8)]
        text = "".join(json.dumps(doc) + "\n" for doc in docs)
        (snapshot / "main" / f"{split}.jsonl").write_text(text)
    (snapshot / "README.md").write_text(
        "---\nconfigs:\n- config_name: main\n  data_files:\n  - {split: train, path: main/train.jsonl}\n"
        "  - {split: test, path: main/test.jsonl}\n---\n"
    )
    ours = attempt(
        "gsm8k",
        dataset_path=snapshot.name,
        limit=4,
        num_fewshot=1,
        max_gen_toks=48,
        more={"evallab": {"manifest_dir": str(tmp_path)}, "primary_score": {"metric": "exact_match"}},
    )
    assert ours.run() == 0, ours.output
    result, rows = ours.result(), ours.samples()
    assert {(each.metric, each.filter, each.primary) for each in result.scores} == {
        ("exact_match", "strict-match", True),
        ("exact_match", "flexible-extract", False),
    }
    assert result.provenance["primary_metric"]["chosen_by"] == "job"
    assert str(rows[0].prompt).count("Question: What is") == 2
    assert rows[0].filtered.keys() == {"strict-match", "flexible-extract"}


def test_a_tag_has_no_primary_score_and_says_so(attempt: NewAttempt, tmp_path: Path) -> None:
    own_tasks(tmp_path / "tasks")
    for name in ("sums", "facts"):
        path = tmp_path / "tasks" / f"{name}.yaml"
        path.write_text(f"tag: my_tag\n{path.read_text()}")
    ours = attempt("my_tag", include_path=str(tmp_path / "tasks"), limit=3)
    assert ours.run() == 0, ours.output
    result = ours.result()
    assert {"my_facts/acc", "my_sums/exact_match"} <= {each.metric for each in result.scores}
    assert not any(each.primary for each in result.scores)
    assert "defines no aggregate" in result.warnings[0]
