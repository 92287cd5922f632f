"""The images of the Dockerfile, as the fixture `images` loads them into the node."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.running import CACHE

ROOT = Path(__file__).parents[2]
TARGETS = ("operator", "lm-eval-adapter", "demo-model-server", "demo-postgres")
MIB = 1 << 20


@dataclass(frozen=True)
class Images:
    """The references of the images, as manifests name them; the pull policy has to be IfNotPresent or Never."""

    operator: str  #: operator, server, sidecar and init container
    lm_eval_adapter: str
    demo_model_server: str
    demo_postgres: str
    base: str  #: Debian with Python and nothing else: adapters of tests run in it

    def size_mib(self, target: str) -> float:
        """Return the uncompressed size of a target's image."""
        return archive(target).stat().st_size / MIB


def archive(target: str) -> Path:
    """Return the file that kit/images makes for a target."""
    return CACHE / "images" / f"{target}.tar"


def current() -> Images:
    """Return the references of this checkout's images."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    names = {target.replace("-", "_"): f"docker.io/evallab/{target}:{version}" for target in TARGETS}
    return Images(**names, base="localhost/python-base:1")
