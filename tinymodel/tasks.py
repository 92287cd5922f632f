"""Seeded generators for the demo model: training documents and held-out test sets.

Everything is invented here; no third-party text. One `World` fixes the facts. Train and test items never share an
equation, a (creature, attribute) question, a story or a code composition.

    python tasks.py OUT_DIR [--seed N]      writes OUT_DIR/<kind>.jsonl for the five test sets
"""

import argparse
import json
import random
from pathlib import Path

from code_tasks import code
from held_out import held
from instructions import instruction
from word_problems import word_problem
from words import ATTRS, CONTAINERS, JOBS, NAMES, THINGS

SHIPPED_SEED = 20261122  # played no part in any choice about the model or the tests
TEST_SIZES = {"word_problem": 200, "fact_question": 120, "completion": 200, "instruction": 200, "code": 120}
MIX = {"word_problem": 46, "fact_statement": 8, "fact_question": 10, "completion": 12, "instruction": 16, "code": 8}


class World:
    """The creatures, what is true of them, and everything that can be asked."""

    def __init__(self, seed=7, creatures=72):
        r = random.Random(seed)
        first, vowels, last = "b d f g k l m n p r s t v z".split(), "a e i o u".split(), "x n r l k m".split()
        names = set()
        while len(names) < creatures:
            names.add(r.choice(first) + r.choice(vowels) + r.choice(first) + r.choice(vowels) + r.choice(last))
        self.creatures = sorted(names)
        r.shuffle(self.creatures)
        self.facts = {(e, k): r.choice(values[0]) for e in self.creatures for k, values in ATTRS.items()}
        self.makers = {
            "word_problem": word_problem,
            "fact_question": self.fact_question,
            "completion": completion,
            "instruction": instruction,
            "code": code,
        }

    def fact_statement(self, r):
        e = r.choice(self.creatures)
        attributes = r.sample(list(ATTRS), r.randint(1, 3))
        return " ".join(r.choice(ATTRS[k][1]).format(e=e, v=self.facts[e, k]) for k in attributes)

    def fact_question(self, r, test=False):
        while True:
            e, k = r.choice(self.creatures), r.choice(list(ATTRS))
            if held(f"{e}/{k}", 3) == test:
                break
        values, _, forms = ATTRS[k]
        v = self.facts[e, k]
        choices = [*r.sample([x for x in values if x != v], 3), v]
        r.shuffle(choices)
        q = r.choice(forms).format(e=e)
        return {"q": q, "a": f" {v}", "gold": choices.index(v), "choices": choices, "kind": k}

    def document(self, r):
        """Return (text, class) segments of a training document; class 1 is learnt fully, 0 is a prompt (low weight)."""
        kind = r.choices(list(MIX), list(MIX.values()))[0]
        if kind == "fact_statement":
            return [(self.fact_statement(r), 1), ("<|endoftext|>", 1)]
        d = self.makers[kind](r)
        if kind in ("completion", "code"):
            return [(d["q"], 0), (d["a"], 1), ("<|endoftext|>", 1)]
        if r.random() < 0.2:  # chat form, no leading space in the answer
            prompt = f"<|im_start|>user\n{d['q']}<|im_end|>\n<|im_start|>assistant\n"
            return [(prompt, 0), (d["a"][1:], 1), ("<|im_end|>", 1), ("\n", 0)]
        return [(f"Question: {d['q']}\nAnswer:", 0), (d["a"], 1), ("<|endoftext|>", 1)]


def completion(r, test=False):
    """Return the beginning of a story with four endings."""
    q, endings, kind = job_story(r, test) if r.random() < 0.2 else place_story(r, test)
    order = list(range(4))
    r.shuffle(order)
    shuffled = [endings[i] for i in order]
    return {"q": q, "a": endings[0], "choices": shuffled, "gold": order.index(0), "kind": kind}


def job_story(r, test):
    n = r.choice(NAMES)
    while True:
        jobs = r.sample(list(JOBS), 4)
        if held(f"{n}/{jobs[0]}", 4) == test:
            break
    when = r.choice(["In the morning", "After lunch", "On Monday", "Today"])
    q = f"{n} is a {jobs[0]}. {when} {n} goes to the {JOBS[jobs[0]][0]} and"
    return q, [f" {JOBS[job][2]} the {JOBS[job][1]}." for job in jobs], "job"


def place_story(r, test):
    while True:
        cs, ts, n = r.sample(CONTAINERS, 4), r.sample(THINGS, 4), r.choice(NAMES)
        if held("/".join(cs[:2] + ts[:2]), 6) == test:
            break
    count = r.randint(2, 3)
    where = dict(zip(ts[:count], cs[:count]))
    put = [f"the {t} in the {c}" for t, c in where.items()]
    q, kind = f"{n} puts " + ", ".join(put[:-1]) + f" and {put[-1]}.", "track"
    if r.random() < 0.4:
        t = r.choice(ts[:count])
        where[t] = r.choice([c for c in cs if c != where[t]])
        q, kind = f"{q} Then {n} moves the {t} to the {where[t]}.", "move"
    t = r.choice(ts[:count])
    q += f" Later {n} looks for the {t} and finds it"
    others = [c for c in cs if c != where[t]]
    return q, [f" in the {c}." for c in (where[t], *others)], kind


def test_sets(world, seed=SHIPPED_SEED):
    """Return the rows of each test set, without repeated questions."""
    return {kind: rows(world, kind, n, random.Random(seed + i)) for i, (kind, n) in enumerate(TEST_SIZES.items())}


def rows(world, kind, n, r):
    found = {}
    for _ in range(100_000):
        if len(found) == n:
            break
        d = world.makers[kind](r, test=True)
        found.setdefault(d["q"], {"id": f"{kind}-{len(found):03d}", **d})
    return list(found.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the test sets.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=SHIPPED_SEED)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for kind, items in test_sets(World(), options.seed).items():
        (options.out / f"{kind}.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
        print(kind, len(items))
