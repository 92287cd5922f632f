"""Pairs of request and answer recorded from EvalHub's server 1.0.2: data of the tests, not of the project.

They lie where EVALLAB_EVALHUB_SAMPLES says, else in `../shared/evalhub/samples` beside the checkout.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("EVALLAB_EVALHUB_SAMPLES") or ROOT.parent / "shared" / "evalhub" / "samples")


@dataclass(frozen=True)
class Pair:
    """One request, and what EvalHub's server answered."""

    name: str
    method: str
    path: str
    body: Any
    status: int
    headers: Mapping[str, str]
    answer: Any


def pairs() -> dict[str, Pair]:
    """Return the recorded pairs by name; none where there are no samples."""
    return {file.stem: _pair(file) for file in sorted(FOLDER.glob("*.json"))}


def _pair(file: Path) -> Pair:
    recorded = json.loads(file.read_text())
    request, response = recorded["request"], recorded["response"]
    headers = {name.lower(): value for name, value in response["headers"].items()}
    return Pair(
        file.stem, request["method"], request["path"], request["body"], response["status"], headers, response["body"]
    )
