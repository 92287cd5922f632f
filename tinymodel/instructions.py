"""Small text instructions: copy, reverse, sort, count. Test items never share their first two words with training."""

from held_out import held
from words import WORDS

TRAIN = ["copy", "copy", "reverse", "sort", "sortnum", "sortnum", "upper", "first", "last", "count", "repeat"]
TEST = ["copy", "reverse", "sort", "sort", "sort", "sort", "sortnum", "sortnum", "sortnum", "last"]
ON_LISTS = {  # kind -> (instruction, what to do)
    "copy": ("Copy this list: {lst}", ", ".join),
    "reverse": ("Write this list in reverse order: {lst}", lambda ws: ", ".join(ws[::-1])),
    "sort": ("Sort these words by alphabet: {lst}", lambda ws: ", ".join(sorted(ws))),
    "upper": ("Write this word in capital letters: {first}", lambda ws: ws[0].upper()),
    "first": ("Write the first word of this list: {lst}", lambda ws: ws[0]),
    "last": ("Write the last word of this list: {lst}", lambda ws: ws[-1]),
    "count": ("How many words are in this list: {lst}", lambda ws: str(len(ws))),
}


def instruction(r, test=False):
    """Return one instruction and its exact answer."""
    ws = drawn(r, WORDS, lambda ws: "/".join(sorted(ws)[:2]), test)
    kind = r.choice(TEST if test else TRAIN)
    if kind == "sortnum":
        ns = drawn(r, range(1, 100), lambda ns: str(sorted(ns)[:2]), test)
        q, a = f"Sort these numbers from low to high: {', '.join(map(str, ns))}", ", ".join(map(str, sorted(ns)))
    elif kind == "repeat":
        n = r.randint(2, 5)
        q, a = f"Write the word {ws[0]} {n} times", ", ".join([ws[0]] * n)
    else:
        form, do = ON_LISTS[kind]
        q, a = form.format(lst=", ".join(ws), first=ws[0]), do(ws)
    return {"q": q + ".", "a": " " + a, "gold": a, "kind": kind}


def drawn(r, pool, key, test):
    """Return three or four of `pool`, held out in a test."""
    while True:
        found = r.sample(pool, r.randint(3, 4))
        if held(key(found), 6) == test:
            return found
