"""Replicas of the server as processes here, beside a nodeless cluster, and who asks them."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import yaml
from tests.cluster.running import Cluster

from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import AttemptRow
from evallab.store.postgres import PostgresStore

SERVER = Path(sys.executable).with_name("evallab-server")
CRDS = Path(__file__).parents[3] / "crds"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
JOBS = "/api/v1/evaluations/jobs"
PROVIDERS = "/api/v1/evaluations/providers"
IMAGE = "registry.example/mine/adapter:3"  #: of the provider that tests make
PROVIDER = {
    "id": "demo",
    "name": "Demo",
    "runtime": {"k8s": {"image": "docker.io/evallab/demo:1"}},
    "benchmarks": [{"id": "sums", "name": "Sums"}, {"id": "words", "name": "Words"}],
}
INSTALLATION = {
    "image": "docker.io/evallab/operator:test",
    "serverUrl": "http://evallab.evallab.svc:8080",
    "leaderElection": {"namespace": "default", "name": "evallab"},
}
#: Starts the server, and kills it instead of having it store a job.
DYING = """
import os, signal, sys
from evallab.server.main import main
from evallab.store.jobs import Jobs
async def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
Jobs.create_job = die
sys.exit(main())
"""


def request(name: str = "nightly", **more: Any) -> dict[str, Any]:
    """Return the body of a POST."""
    model = {"url": "http://models.example/v1", "name": "tiny"}
    return {"name": name, "model": model, "benchmarks": [{"id": "sums", "provider_id": "demo"}], **more}


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


@dataclass
class Replica:
    """One server process."""

    cluster: Cluster
    home: Path
    database_url: str
    settings: dict[str, Any] = field(default_factory=dict)
    installation: dict[str, Any] = field(default_factory=dict)
    program: tuple[str, ...] = (str(SERVER),)
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> "Replica":
        """Start it and wait until it answers."""
        config = self.home / "config"
        (config / "providers").mkdir(parents=True, exist_ok=True)
        (config / "providers" / "demo.yaml").write_text(yaml.safe_dump(PROVIDER))
        (config / "config.yaml").write_text(yaml.safe_dump(self.settings))
        (self.home / "cluster.yaml").write_text(yaml.safe_dump(INSTALLATION | self.installation))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.program, "-configdir", str(config), "-host", "127.0.0.1", "-port", str(self.port)],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.until(self._answers, what="the server to answer")
        return self

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "EVALLAB_HOME": str(self.home / "lab"),
            "EVALLAB_DATABASE_URL": self.database_url,
            "EVALLAB_CLUSTER_CONFIG": str(self.home / "cluster.yaml"),
            "KUBECONFIG": str(self.cluster.kubeconfig),
        }

    def stop(self) -> int:
        """End it as the kubelet does, and return how it ended."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def until(self, look: Callable[[], Any], *, what: str, seconds: float = 120) -> Any:
        """Look until there is something to see."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := look():
                return found
            if self.process is not None and self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"waited in vain for {what}; the log ends:\n{self.log.read_text()[-3000:]}")

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.HTTPError:
            return False


Start = Callable[..., Replica]


@dataclass(frozen=True)
class Tenant:
    """A namespace, and a user who may do everything with evaljobs there."""

    cluster: Cluster
    name: str
    account: str = "alice"

    @classmethod
    def made(cls, cluster: Cluster, *, verbs: str = "*", name: str = "", account: str = "alice") -> "Tenant":
        """Make a namespace (unless it is named), an account, and a role that allows these verbs."""
        if not name:
            name = f"team-{secrets.token_hex(4)}"
            cluster.kubectl("create", "namespace", name)
        cluster.kubectl("create", "serviceaccount", account, namespace=name)
        rules = [{"apiGroups": ["evallab.dev"], "resources": ["*"], "verbs": verbs.split(",")}]
        meta = {"name": account}
        group = "rbac.authorization.k8s.io"
        cluster.apply(
            {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": meta, "rules": rules},
            {
                "apiVersion": f"{group}/v1",
                "kind": "RoleBinding",
                "metadata": meta,
                "roleRef": {"apiGroup": group, "kind": "Role", "name": account},
                "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": name}],
            },
            namespace=name,
        )
        return cls(cluster, name, account)

    def token(self, *words: str) -> str:
        return self.cluster.kubectl("create", "token", self.account, *words, namespace=self.name).strip()

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.name}:{self.account}"

    def client(self, replica: Replica, tenant: str | None = None) -> httpx.Client:
        """Return who asks a replica as this user."""
        headers = {"Authorization": f"Bearer {self.token()}", "X-Tenant": tenant or self.name}
        return httpx.Client(base_url=replica.url, headers=headers, timeout=60)

    def objects(self) -> list[dict[str, Any]]:
        return self.cluster.list("evaljobs", namespace=self.name)

    def object(self, name: str) -> dict[str, Any] | None:
        return self.cluster.get("evaljob", name, namespace=self.name)


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """Return status, code and text of a refusal."""
    body = json.loads(answer.content)
    assert sorted(body) == ["message", "message_code", "trace"]
    return answer.status_code, body["message_code"], body["message"]


def posted(client: httpx.Client, key: str | None = None, **more: Any) -> tuple[str, httpx.Response]:
    """Post a job and return its id."""
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = client.post(JOBS, json=request(**more), headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()["resource"]["id"], answer


async def running(store: PostgresStore, job_id: str, number: int = 1, state: Any = "running") -> AttemptRow:
    row = AttemptRow(id=f"{job_id}-{number}", job_id=job_id, index=0, number=number, state=state, created_at=NOW)
    await store.save_attempt(row)
    return row


@dataclass(frozen=True)
class Shared:
    """What replicas and operator share."""

    store: PostgresStore
    files: ArtifactFiles


def described(image: str = IMAGE) -> dict[str, Any]:
    """Return a provider with one benchmark, as a request says it."""
    benchmark = {"id": "q", "name": "Q", "category": "c"}
    return {"name": "mine", "title": "Mine", "benchmarks": [benchmark], "runtime": {"k8s": {"image": image}}}


def made(client: httpx.Client, **body: Any) -> str:
    """Make a provider and return its id."""
    answer = client.post(PROVIDERS, json=described(**body))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["resource"]["id"])


#: EvalHub's own client, as a user of a cluster calls it: address, token, tenant; prints what it got.
SDK = """
import json, sys
from evalhub.client import SyncEvalHubClient
from evalhub.models import JobSubmissionRequest
url, token, tenant, body = sys.argv[1:]
client = SyncEvalHubClient(base_url=url, auth_token=token, tenant=tenant)
job = client.jobs.submit(request=JobSubmissionRequest(**json.loads(body)))
known = [each.id for each in client.jobs.list()]
client.jobs.cancel(job.id)
ended = client.jobs.get(job.id)
providers = [each.resource.id for each in client.providers.list()]
print(json.dumps([job.id, job.id in known, ended.status.state, job.resource.tenant, "demo" in providers]))
"""
