"""Writes what Kubernetes is told of EvalJobs: crds/ and two templates of the chart; `--check` says if they are current.

Run it after every change of `evallab.api.v1alpha1`; tests/contract/test_crd.py reminds you.
"""

import sys
from pathlib import Path

from evallab.api.v1alpha1 import written

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = Path("charts", "evallab", "templates")
FILES = {
    Path("crds", "evallab.dev_evaljobs.yaml"): written.crd_file,
    TEMPLATES / "crds" / "evaljobs.yaml": written.crd_template,
    TEMPLATES / "admission-policy.yaml": written.policy_template,
}


def main(arguments: list[str]) -> int:
    """Write the files, or check them."""
    stale = [path for path, made in FILES.items() if not current(ROOT / path, made())]
    if "--check" not in arguments:
        for path in stale:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(FILES[path](), encoding="utf-8")
        return 0
    for path in stale:
        print(f"{path} is out of date; run {Path(__file__).name}", file=sys.stderr)
    return 1 if stale else 0


def current(path: Path, text: str) -> bool:
    """Say whether a file holds the text."""
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
