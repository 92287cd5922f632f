"""docs/reference/chart-values.md says what values.yaml says, and the chart has evallab's version."""

import subprocess
import sys
from pathlib import Path

import yaml

import evallab

ROOT = Path(__file__).parents[2]


def test_the_page_is_current() -> None:
    script = ROOT / "scripts" / "generate_chart.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "current", "")


def test_the_chart_has_the_version_of_what_it_installs() -> None:
    chart = yaml.safe_load((ROOT / "charts" / "evallab" / "Chart.yaml").read_text())

    assert (chart["version"], chart["appVersion"]) == (evallab.__version__, evallab.__version__)
