"""Write docs/reference/chart-values.md from the comments in charts/evallab/values.yaml; `--check` compares it.

Run by whoever changed a value; tests/contract/test_chart_values.py fails until then. A value without a comment, or one
that values.schema.json does not know, is an error.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "charts" / "evallab"
PAGE = ROOT / "docs" / "reference" / "chart-values.md"
KEY = re.compile(r"(?P<indent> *)(?P<name>[A-Za-z]+):")
COMMENT = re.compile(r" *# -- (?P<text>.+)")
HEAD = """\
# Values of the chart

<!-- Made by scripts/generate_chart.py from charts/evallab/values.yaml; do not edit. -->

How the chart is installed: [install on Kubernetes](../how-to/install-on-kubernetes.md). A name that is not here is
refused (`values.schema.json`), and so is a value of the wrong type.

| value | default | meaning |
|---|---|---|
"""

Values = dict[str, Any]


def described(text: str) -> Iterator[tuple[str, str]]:
    """Yield the path of every value that has a comment, and the comment."""
    path: list[str] = []
    said = ""
    for line in text.splitlines():
        if found := COMMENT.fullmatch(line):
            said = found["text"]
        elif found := KEY.match(line):
            path = [*path[: len(found["indent"]) // 2], found["name"]]
            if said:
                yield ".".join(path), said
            said = ""


def leaves(values: Values, schema: Values, comments: dict[str, str], path: str = "") -> Iterator[str]:
    """Yield the paths that need a comment: what has one, or is no group of others. Raise SystemExit for what lacks."""
    known = schema.get("properties", {}).keys() - {"global"}
    if known != values.keys():
        raise SystemExit(f"{path or 'values.yaml'}: values and schema differ in {sorted(known ^ values.keys())}")
    for name, value in values.items():
        inner = f"{path}.{name}" if path else name
        if inner in comments:
            yield inner
        elif isinstance(value, dict) and value:
            yield from leaves(value, _group(schema, name), comments, inner)
        else:
            raise SystemExit(f"values.yaml: {inner} has no comment")


def _group(schema: Values, name: str) -> Values:
    """Return the schema of a group of values; that of a switch stands elsewhere."""
    found: Values = schema["properties"][name]
    if "$ref" not in found:
        return found
    definitions: Values = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))["definitions"]
    referred: Values = definitions[found["$ref"].rsplit("/", 1)[1]]
    return referred


def default(values: Values, path: str) -> str:
    """Return a default as one would write it on a line."""
    value: Any = values
    for name in path.split("."):
        value = value[name]
    return yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False).removesuffix("...\n").strip()


def page() -> str:
    """Return the whole page."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    values: Values = yaml.safe_load(text)
    schema: Values = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    comments = dict(described(text))
    rows = (
        f"| `{path}` | `{default(values, path)}` | {comments[path].replace('|', chr(92) + '|')} |\n"
        for path in leaves(values, schema, comments)
    )
    return HEAD + "".join(rows)


def main() -> int:
    """Write the page, or compare it."""
    wanted = page()
    if "--check" in sys.argv[1:]:
        current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted
        print("current" if current else f"{PAGE.relative_to(ROOT)} is stale: run {Path(__file__).name}")
        return 0 if current else 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
