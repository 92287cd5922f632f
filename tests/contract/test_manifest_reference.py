"""docs/reference/manifest.md says what the models say, and every field says what it means."""

import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

from evallab.api import v1alpha1
from evallab.api.v1alpha1 import benchmark, conduct, hardware, manifest, model, source
from evallab.api.v1alpha1.face import Face

SCRIPT = Path(__file__).parents[2] / "scripts" / "generate_manifest_reference.py"


def test_the_reference_is_up_to_date() -> None:
    checked = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_every_field_is_described() -> None:
    modules = (benchmark, conduct, hardware, manifest, model, source)
    models = {each for module in modules for each in vars(module).values() if _is_face(each)}
    silent = [
        f"{each.__name__}.{name}" for each in models for name, info in each.model_fields.items() if not info.description
    ]
    assert v1alpha1.EvalJobManifest in models
    assert silent == []


def _is_face(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel) and issubclass(value, Face) and value is not Face
