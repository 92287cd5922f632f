"""The Dockerfile, its page and the providers speak of the same images; what is built is in `tests/cluster`."""

import re
import tomllib
from pathlib import Path

import evallab
from evallab.catalog import builtin

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PAGE = (ROOT / "docs" / "reference" / "images.md").read_text()


def test_the_page_lists_the_targets_that_run() -> None:
    made = set(re.findall(r"^FROM runtime AS (\S+)$", DOCKERFILE, re.MULTILINE))
    rows = re.findall(r"^\| `(\S+)` \| `evallab/(\S+):(\S+)` \|", PAGE, re.MULTILINE)
    assert {target for target, _, _ in rows} == made
    assert {(name, version) for _, name, version in rows} == {(target, evallab.__version__) for target in made}


def test_every_image_runs_as_a_number_that_is_not_root() -> None:
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
    running = [stage for stage in stages if stage.startswith("runtime AS ")]
    assert [stage.count("\nUSER 65532:65532\n") for stage in running] == [1] * len(running)


def test_the_page_states_the_default_base_image() -> None:
    found = re.search(r"^ARG BASE_IMAGE=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    assert f"| `BASE_IMAGE` | `{found[1]}`" in PAGE


def test_the_images_are_built_with_the_uv_of_the_project() -> None:
    found = re.search(r'^ARG UV="(.+)"$', DOCKERFILE, re.MULTILINE)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert found is not None
    assert found[1] in extras["local"]


def test_the_built_in_provider_runs_in_the_image_of_this_version() -> None:
    runtime = builtin().provider("lm_evaluation_harness").runtime
    assert runtime is not None
    assert runtime.k8s is not None
    assert runtime.k8s.image == f"evallab/lm-eval-adapter:{evallab.__version__}"
