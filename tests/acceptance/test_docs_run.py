"""Docs cannot rot: the bash blocks of README, tutorial and how-to pages run, in order, and end as they say.

A block that needs what cannot be had here has an HTML comment right before it: <!-- not run: why -->. One that
is documented to fail has <!-- exit code: 1 -->. What blocks print is not compared. Every page finds the quickstart run.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.acceptance.command import ROOT, Command, Quickstart

pytestmark = pytest.mark.slow
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/tutorial/*.md")), *sorted(ROOT.glob("docs/how-to/*.md"))]
BLOCK = re.compile(r"(?:<!-- (?P<mark>[^>]*?) -->\n+)?^```bash\n(?P<script>.*?)^```$", re.DOTALL | re.MULTILINE)
EXIT_CODE = re.compile(r"exit code: (\d+)")


@dataclass(frozen=True)
class Block:
    """Commands that stand together, and what is said about them."""

    script: str
    mark: str

    @property
    def runs(self) -> bool:
        return not self.mark.startswith("not run: ")

    @property
    def exit_code(self) -> int:
        match = EXIT_CODE.fullmatch(self.mark)
        return int(match[1]) if match else 0


def blocks(page: Path) -> list[Block]:
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [Block(match["script"], (match["mark"] or "").strip()) for match in found]


@pytest.fixture(scope="module")
def lab(evallab: Command, quickstart: Quickstart) -> Iterator[Command]:
    """A lab of its own in which the quickstart has been run: pages run jobs whose names other tests use."""
    home = Path(tempfile.mkdtemp(prefix="evallab-docs-"))
    home.chmod(0o755)
    command = Command(home)
    dump = home / "quickstart.dump"
    assert evallab("db", "dump", str(dump)).returncode == 0
    restored = command("db", "restore", str(dump))
    assert restored.returncode == 0, restored.stderr
    shutil.copytree(evallab.home / "lab" / "artifacts", home / "lab" / "artifacts")
    yield command
    command("db", "stop")
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like the repository where pages expect it, for files that blocks write."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.stem)
def test_the_page_runs(page: Path, lab: Command, folder: Path) -> None:
    environ = lab.environ | {"PATH": f"{Path(sys.executable).parent}:{lab.environ['PATH']}"}
    for block in blocks(page):
        if block.runs:
            done = subprocess.run(
                ["bash", "--norc", "-eo", "pipefail", "-c", block.script],
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=200,
            )
            assert done.returncode == block.exit_code, f"{block.script}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_marks_are_understood(page: Path) -> None:
    marks = {block.mark for block in blocks(page)} - {""}
    assert [mark for mark in marks if not (re.fullmatch(r"not run: \S.*", mark) or EXIT_CODE.fullmatch(mark))] == []


def test_most_of_it_runs() -> None:
    """The test above cannot be green because everything is marked; what needs a cluster is tried in tests/cluster."""
    found = [block for page in PAGES for block in blocks(page) if "needs a cluster" not in block.mark]
    assert sum(block.runs for block in found) >= len(found) / 2
