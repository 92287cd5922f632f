"""Tasks of our own making, as lm-evaluation-harness reads them: grade-school sums in words, five examples each."""

import json
import random
from pathlib import Path

BIG = "bench_sums"
_NAMES = ("Amara", "Bo", "Chidi", "Dana", "Eskil", "Farah", "Goran", "Hana", "Ines", "Jun")
_THINGS = ("boxes", "baskets", "crates", "jars", "trays", "shelves", "bags", "carts")
_YAML = """\
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{train: {folder}/train.jsonl, test: {folder}/{name}.jsonl}}}}
output_type: generate_until
training_split: train
fewshot_split: train
test_split: test
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["Question:"], do_sample: false, temperature: 0.0, max_gen_toks: 256}}
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true}}
filter_list:
  - name: strict-match
    filter: [{{function: regex, regex_pattern: "#### (\\\\-?[0-9\\\\.\\\\,]+)"}}, {{function: take_first}}]
  - name: flexible-extract
    filter:
      - {{function: regex, group_select: -1, regex_pattern: "(-?[$0-9.,]{{2,}})|(-?[0-9]+)"}}
      - {{function: take_first}}
num_fewshot: 5
metadata: {{version: 1.0}}
"""


def write_task(folder: Path, name: str, documents: int) -> None:
    """Write one task of so many documents, and the examples that all tasks share."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "train.jsonl", 200, "examples")
    _write(folder / f"{name}.jsonl", documents, name)
    (folder / f"{name}.yaml").write_text(_YAML.format(name=name, folder=folder))


def write_suite(folder: Path, count: int, documents: int) -> list[str]:
    """Write several small tasks; return their names."""
    names = [f"bench_part_{number}" for number in range(count)]
    for name in names:
        write_task(folder, name, documents)
    return names


def _write(path: Path, count: int, seed: str) -> None:
    draw = random.Random(seed)  # noqa: S311 - the same documents in each run
    path.write_text("".join(json.dumps(_document(draw)) + "\n" for _ in range(count)))


def _document(draw: random.Random) -> dict[str, str]:
    name, thing = draw.choice(_NAMES), draw.choice(_THINGS)
    count, each, lost, friends = draw.randint(3, 40), draw.randint(4, 60), draw.randint(1, 9), draw.randint(2, 6)
    total = count * each - lost
    question = (
        f"{name} packs {count} {thing} with {each} marbles each for the summer fair. On the way {lost} marbles roll "
        f"under a bench and are not found again. At the fair {friends} friends count what is left, one after the "
        f"other, and all of them agree. How many marbles do they count?"
    )
    answer = (
        f"{name} packs {count} * {each} = {count * each} marbles. After {lost} are lost there are "
        f"{count * each} - {lost} = {total}. However many friends count, the number stays the same.\n#### {total}"
    )
    return {"question": question, "answer": answer}
