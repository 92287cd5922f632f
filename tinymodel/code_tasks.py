"""One-line functions with tests: arithmetic, aggregates over filtered lists, string methods."""

from held_out import held
from words import AGGREGATES, FILTERS, STRING_STEPS

SYMBOLS = {"plus": "+", "minus": "-", "times": "*"}
LISTS = [[1, 2, 3, -4, -5, 6], [7, -8, 9, 10, -1, 2], [-3, 4, 5, -6, 11]]


def code(r, test=False):
    """Return a function's head with docstring, its body, and tests as expressions."""
    kind = r.choice(["arith", "arith", "affine", "agg", "agg", "agg", "map", "str"])
    makers = {"arith": arith, "affine": affine, "str": strings}
    made = over_lists(r, test, kind) if kind in ("agg", "map") else makers[kind](r, test)
    name, parameter, doc, body, inputs = made
    tests = [f"{name}({v!r}) == {eval(body, {parameter: v})!r}" for v in inputs]
    prompt = f'def {name}({parameter}):\n    """{doc}"""\n'
    answer = f"    return {body}\n"
    return {"q": prompt, "a": answer, "tests": tests, "entry": name, "gold": body, "kind": kind}


def arith(r, test):
    while True:
        n, op = r.randint(2, 99), r.choice(list(SYMBOLS))
        if test and r.random() < 0.5:
            n = r.randint(100, 999)  # never three digits in training
        if held(f"{n}{op}", 5) == test:
            return f"{op}_{n}", "x", f"Return x {op} {n}.", f"x {SYMBOLS[op]} {n}", (0, 3, 11)


def affine(r, test):
    while True:
        a, b = r.randint(2, 20), r.randint(2, 50)
        if held(f"{a}*{b}", 5) == test:
            break
    op = r.choice(["plus", "minus"])
    return "linear", "x", f"Return {a} times x {op} {b}.", f"{a} * x {SYMBOLS[op]} {b}", (0, 3, 11)


def over_lists(r, test, kind):
    aggregate, word, mapped, n, key = list_task(r, test, kind)
    filter_word, condition = FILTERS[word]
    words, expression = AGGREGATES[aggregate]
    if kind == "map":
        variable = r.choice(["xs", "nums", "values"])
        doc = f"Return {words} {filter_word} numbers in {variable}, each {mapped[0]} {n}."
    else:
        variable = "xs" if key.endswith("a") else "nums"
        doc = f"Return {words} {filter_word} numbers in {variable}."
    body = expression.format(g=f"{mapped[1].format(n=n)} for x in {variable} if {condition}")
    return f"{aggregate}_{word}", variable, doc, body, LISTS


def list_task(r, test, kind):
    while True:
        word, aggregate = r.choice(list(FILTERS)), r.choice(list(AGGREGATES))
        mapped, n = r.choice([("", "x"), ("plus", "x + {n}"), ("times", "x * {n}")]), r.randint(2, 30)
        if kind == "agg":
            mapped = ("", "x")
        if aggregate == "count" and kind == "map":
            continue
        key = f"{word}/{aggregate}/{mapped[0]}/{n if kind == 'map' else r.choice('ab')}"
        if held(key, 3) == test:
            return aggregate, word, mapped, n, key


def strings(r, test):
    while True:
        first, second = r.sample(list(STRING_STEPS), 2)
        if held(f"{first}/{second}", 3) == test:
            break
    opening = STRING_STEPS[first][1]
    body = (f"({opening})" if first == "twice" else opening) + STRING_STEPS[second][2]
    doc = f"Return s {STRING_STEPS[first][0]} and {STRING_STEPS[second][0]}."
    return f"{first}_{second}", "s", doc, body, ("abc", "Hello", "x y")
