"""Metrics of the demo tasks; lm-evaluation-harness loads them by `!function demo_metrics.exact` in the YAML files.

`code_pass` runs what the model wrote. It is NOT a sandbox: it serves this one 0.9 M-parameter demo model, whose
output is arithmetic one-liners. It fails closed: anything but a function of the few harmless constructs below counts
as a failed answer and is never run. Code of a real model belongs into the code harness, which has a real sandbox.
"""

import ast
import builtins
import multiprocessing
import resource
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

_TIMEOUT_S = 3.0
_BUILTINS = ("sum", "len", "max", "min", "sorted", "reversed", "str", "int", "abs")
_METHODS = ("upper", "lower")
_SYNTAX = """
    Module FunctionDef arguments arg Return Expr Name Load Store Constant Call Attribute Subscript Slice List Tuple
    BinOp Add Sub Mult Mod FloorDiv UnaryOp USub Not BoolOp And Or Compare Eq NotEq Lt LtE Gt GtE
    ListComp GeneratorExp comprehension
"""
_HARMLESS = frozenset(_SYNTAX.split())


def exact(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score an answer that must be the gold text, spaces around it aside."""
    return {"exact_match": float(results[0].strip() == doc["gold"])}


def code_pass(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score a function body by the question's tests."""
    return {"pass@1": float(passes(doc["q"] + results[0], doc["tests"]))}


def passes(source: str, tests: Sequence[str]) -> bool:
    """Run `source` and its tests in a forked process; True only if that process said so in time."""
    if not harmless(source):
        return False
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(source, tuple(tests), theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        return ours.poll(_TIMEOUT_S) and ours.recv() is True
    except EOFError:  # it died without a word
        return False
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


def harmless(source: str) -> bool:
    """Whether `source` holds nothing but what the demo model is meant to write."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(type(node).__name__ in _HARMLESS and _named_well(node) for node in nodes)


def _named_well(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _METHODS
    if isinstance(node, ast.FunctionDef):
        return not node.decorator_list
    return not (isinstance(node, ast.Name) and node.id.startswith("_"))


def _run(source: str, tests: Sequence[str], answer: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    names: dict[str, Any] = {"__builtins__": {name: getattr(builtins, name) for name in _BUILTINS}}
    try:
        exec(compile(source, "<answer>", "exec"), names)  # noqa: S102 - see above: only harmless constructs get here
        answer.send(all(eval(test, names) is True for test in tests))  # noqa: S307 - the tests are ours
    except BaseException:  # noqa: BLE001 - whatever the code did, it did not pass
        answer.send(False)
