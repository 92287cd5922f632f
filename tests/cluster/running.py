"""A running test cluster as tests see it: kubectl, helm, the scripts of kit/, and processes to disturb.

Made by the fixtures in `conftest`. Every call that fails raises `Failed`, which holds what the program said.
"""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from evallab.kubeapi.client import KubernetesApi, of_context

Json = dict[str, Any]
KIT = Path(__file__).parent / "kit"
CACHE = Path(
    os.environ.get("EVALLAB_CLUSTER_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evallab-cluster"
)


class Failed(AssertionError):
    """A program ended with an error."""


def run(argv: list[str], *, env: Mapping[str, str], stdin: str = "", seconds: float = 300) -> str:
    """Run a program and return its standard output. Raises Failed."""
    done = subprocess.run(
        argv, input=stdin, env={**os.environ, **env}, capture_output=True, text=True, timeout=seconds, check=False
    )
    if done.returncode != 0:
        raise Failed(f"{' '.join(argv)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class Place:
    """Where a cluster lives: the settings of kit/."""

    name: str
    net: str
    port: int  #: the first of nine

    @property
    def directory(self) -> Path:
        """What belongs to the running cluster."""
        return CACHE / "run" / self.name

    @property
    def environ(self) -> dict[str, str]:
        """The settings as the scripts read them."""
        return {
            "EVALLAB_CLUSTER_CACHE": str(CACHE),
            "EVALLAB_CLUSTER_NAME": self.name,
            "EVALLAB_CLUSTER_RUN": str(self.directory),
            "EVALLAB_CLUSTER_NET": self.net,
            "EVALLAB_CLUSTER_PORT": str(self.port),
        }

    def kit(self, script: str, *words: str, seconds: float = 300) -> str:
        """Run a script of kit/ for this cluster (load-image, fake-gpus, …)."""
        return run([str(KIT / script), *words], env=self.environ, seconds=seconds)


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs. `namespace=""` means the namespace `default`, or none for what is in none."""

    place: Place

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.place.directory / "admin.kubeconfig"

    @property
    def host(self) -> str:
        """Where pods reach processes of this machine, and this machine itself (also as host.evallab.internal)."""
        return f"{self.place.net}.0.1"

    @property
    def pods(self) -> str:
        """The addresses of pods, as CIDR; this machine reaches them too."""
        return f"{self.place.net}.16.0/20"

    def kubectl(self, *words: str, namespace: str = "", stdin: str = "", seconds: float = 120) -> str:
        """Run kubectl and return what it printed."""
        place = ["--namespace", namespace] if namespace else []
        return run([str(CACHE / "bin" / "kubectl"), *place, *words], env=self.environ, stdin=stdin, seconds=seconds)

    def helm(self, *words: str, namespace: str = "", seconds: float = 300) -> str:
        """Run helm and return what it printed."""
        place = ["--namespace", namespace] if namespace else []
        return run([str(CACHE / "bin" / "helm"), *words, *place], env=self.environ, seconds=seconds)

    def apply(self, *objects: Json, namespace: str = "") -> None:
        """Create or change objects."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.kubectl("apply", "--filename", "-", namespace=namespace, stdin=text)

    def get(self, kind: str, name: str, *, namespace: str = "") -> Json | None:
        """Return an object, None when it is not there."""
        text = self.kubectl("get", kind, name, "--ignore-not-found", "--output", "json", namespace=namespace)
        return cast("Json", json.loads(text)) if text.strip() else None

    def list(self, kind: str, *, namespace: str = "", labels: str = "") -> list[Json]:
        """Return the objects of a kind."""
        text = self.kubectl("get", kind, "--selector", labels, "--output", "json", namespace=namespace)
        return cast("list[Json]", json.loads(text)["items"])

    def wait(self, target: str, condition: str, *, namespace: str = "", seconds: int = 120) -> None:
        """Wait until `target` ("job/x") is as said ("condition=Complete", "jsonpath=…=…", "delete")."""
        self.kubectl(
            "wait", target, f"--for={condition}", f"--timeout={seconds}s", namespace=namespace, seconds=seconds + 30
        )

    def logs(self, target: str, *, namespace: str = "", container: str = "") -> str:
        """Return what a container wrote so far."""
        chosen = ["--container", container] if container else []
        return self.kubectl("logs", target, *chosen, namespace=namespace)

    async def api(self) -> KubernetesApi:
        """Return the port that evallab itself uses; close it."""
        return await of_context(kubeconfig=self.kubeconfig)

    def pid(self, process: str) -> int:
        """Return the process number of etcd, kube-apiserver, kube-controller-manager, kubelet, containerd, …"""
        return int((self.place.directory / "pids" / process).read_text().split()[0])

    @contextlib.contextmanager
    def frozen(self, process: str) -> Iterator[None]:
        """Stop a process of the cluster for a while, as if it hung: connections stay open and nobody answers."""
        number = self.pid(process)
        os.kill(number, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(number, signal.SIGCONT)

    @property
    def environ(self) -> dict[str, str]:
        """Environment variables for programs that are to use this cluster."""
        helm = str(self.place.directory / "helm")
        return {
            **self.place.environ,
            "KUBECONFIG": str(self.kubeconfig),
            **{f"HELM_{what}_HOME": helm for what in ("CACHE", "CONFIG", "DATA")},
        }
