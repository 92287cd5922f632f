"""Word problems with one or two steps of addition and subtraction. The test sets lean on what is rare in training."""

from held_out import held
from words import ITEMS, NAMES

PLUS = (
    "{n} has {a} {it}. {m} gives {n} {b} more {it}. How many {it} does {n} have now?",
    "{n} finds {a} {it} and {m} finds {b} {it}. How many {it} do they have together?",
    "There are {a} {it} in a box. {n} puts {b} more into it. How many {it} are in the box?",
)
MINUS = (
    "{n} has {a} {it}. {n} gives {b} {it} to {m}. How many {it} does {n} have now?",
    "{n} has {a} {it} and {m} has {b} {it}. How many more {it} does {n} have?",
    "There are {a} {it} in a box. {n} takes {b} out of it. How many {it} are in the box?",
)


def equation(r, test):
    """Return (a, operator, b, result); the held-out ones in a test, the others in training."""
    while True:
        op = r.choice("+-")
        first = (100, 399) if r.random() < (0.7 if test else 0.12) else (2, 99)
        a, b = r.randint(*first), r.randint(2, 99)
        if op == "-" and a <= b:
            a, b = b, a
        if a != b and held(f"{a}{op}{b}", 8) == test:
            return a, op, b, apply(a, op, b)


def apply(a, op, b):
    return a + b if op == "+" else a - b


def word_problem(r, test=False):
    """Return one problem with its worked answer; `gold` is the number after ####."""
    n, m = r.sample(NAMES, 2)
    it = r.choice(ITEMS)
    a, op, b, c = equation(r, test)
    if r.random() < (0.1 if test else 0.25):
        return answered(f"What is {a} {op} {b}?", [f"{a} {op} {b} = {c}."], c, "bare")
    q = r.choice(PLUS if op == "+" else MINUS).format(n=n, m=m, it=it, a=a, b=b)
    steps = [f"{a} {op} {b} = {c}."]
    if r.random() >= (0.7 if test else 0.3):
        return answered(q, steps, c, op)
    second = second_step(r, c, test)
    if second is None:
        return word_problem(r, test)
    op2, d = second
    if "together" in q or f"more {it} does" in q or "box" in q:
        return answered(q, steps, c, op)
    e = apply(c, op2, d)
    stem = q.rpartition(". ")[0]
    q = f"{stem}. Then {n} {'gets' if op2 == '+' else 'loses'} {d} {it}. How many {it} does {n} have now?"
    return answered(q, [*steps, f"{c} {op2} {d} = {e}."], e, "2step")


def second_step(r, c, test):
    """Return (operator, number) to go on with from `c`, or None where 50 tries found none."""
    for _ in range(50):
        d = r.randint(2, 49)
        op = r.choice("+-")
        if op == "-" and d >= c:
            continue
        if not held(f"{c}{op}{d}", 8) or test:
            return op, d
    return None


def answered(q, steps, gold, kind):
    return {"q": q, "a": f" {' '.join(steps)}\n#### {gold}", "gold": str(gold), "kind": kind}
