"""docs/reliability.md says what the tests of faults say, and every row's test exists."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| .* \| \[`(\w+)`\]\(\.\./(\S+)\) \|$", re.MULTILINE)


def test_the_page_is_current() -> None:
    script = ROOT / "scripts" / "generate_reliability.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "current", "")


def test_every_row_has_its_test() -> None:
    rows = ROW.findall((ROOT / "docs" / "reliability.md").read_text())
    missing = [name for name, file in rows if f"def test_{name}(" not in (ROOT / file).read_text()]
    assert len(rows) > 30
    assert missing == []


def test_every_test_of_a_fault_has_its_row() -> None:
    rows = {(file, name) for name, file in ROW.findall((ROOT / "docs" / "reliability.md").read_text())}
    folders = ("integration/faults", "acceptance/evalhub/rounds", "cluster/faults")
    files = (file for folder in (ROOT / "tests" / each for each in folders) for file in folder.glob("test_*.py"))
    named = {
        (str(file.relative_to(ROOT)), name)
        for file in files
        for name in re.findall(r"^(?:async )?def test_(\w+)\(", file.read_text(), re.MULTILINE)
    }
    assert named == rows
