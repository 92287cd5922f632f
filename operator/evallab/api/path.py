"""Where a field is in a manifest: `spec.benchmarks[0].parameters`, read and written in one way everywhere.

The manifest reader, `--set` and the checks all name fields. A key that itself holds dots is written
`["evallab.dev/x"]`.
"""

import re
from collections.abc import Iterable

from evallab.api.errors import UsageError

Path = tuple[str | int, ...]

_STEP = re.compile(r"""\[(?P<index>\d{1,6})\]|\["(?P<quoted>[^"]+)"\]|(?P<dot>\.)?(?P<key>[^.\[\]"=\s]+)""")
_PLAIN = re.compile(r"""[^.\[\]"=\s]+""")


def render(path: Iterable[str | int]) -> str:
    """Write a path as people read it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def parse(text: str) -> Path:
    """Read what `render` writes; anything else is a UsageError."""
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if not found or _misplaced_dot(found, position):
            raise UsageError(f"{text!r} is not the path of a field.", remedy="Write it like spec.benchmarks[0].id.")
        steps.append(int(found["index"]) if found["index"] else found["quoted"] or found["key"])
        position = found.end()
    if not steps:
        raise UsageError("The path of the field is empty.", remedy="Write it like spec.benchmarks[0].id.")
    return tuple(steps)


def _misplaced_dot(found: "re.Match[str]", position: int) -> bool:
    """Tell whether a key lacks its dot, or the first key has one."""
    return bool(found["key"]) and bool(found["dot"]) != (position > 0)
