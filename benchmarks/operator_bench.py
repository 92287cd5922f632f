"""One installation to be measured: EvalJobs made in crowds, Jobs noted as they appear, pods' parts played."""

import argparse
import asyncio
import json
import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from tests.cluster.operating import Operator, Operators, evaljob, operators

from evallab.kubeapi.client import KubernetesApi
from evallab.kubeapi.interface import EVALJOB, JOB, POD, Kind

NAMESPACE = Kind("", "v1", "namespaces", "Namespace")
AT_ONCE = 32
RUNS = {"metadata": {"annotations": {"evallab.test/run-for": "24h"}}}  #: until somebody says otherwise
Json = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """The cluster, as far as operators have to know it."""

    environ: Mapping[str, str]


@dataclass
class Bench:
    """One installation in a namespace and a database of its own."""

    api: KubernetesApi
    installed: Operators
    sizes: argparse.Namespace
    seen: dict[str, float] = field(default_factory=dict)  #: when the first Job of each EvalJob was seen
    numbers: int = 0

    @property
    def namespace(self) -> str:
        """Where everything is made."""
        return self.installed.namespace

    async def create(self, **spec: Any) -> tuple[str, float]:
        """Create an EvalJob; return its uid and when it was there."""
        self.numbers += 1
        body = evaljob(f"bench-{self.numbers}", podTemplate=RUNS, **spec)
        made = await self.api.create(EVALJOB, self.namespace, body)
        return made["metadata"]["uid"], time.monotonic()

    async def create_many(self, count: int, **spec: Any) -> dict[str, float]:
        """Create many, several at once."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one() -> tuple[str, float]:
            async with places:
                return await self.create(**spec)

        return dict(await asyncio.gather(*(one() for _ in range(count))))

    async def create_steadily(self, count: int, rate: float) -> dict[str, float]:
        """Create so many each second."""
        begin, tasks = time.monotonic(), []
        for number in range(count):
            await asyncio.sleep(max(0.0, begin + number / rate - time.monotonic()))
            tasks.append(asyncio.create_task(self.create()))
        return dict(await asyncio.gather(*tasks))

    async def leading(self, *words: str) -> Operator:
        """Start an operator and wait until it leads."""
        operator = self.installed.start(*words)
        await until(lambda: operator.leads)
        return operator

    async def watch(self) -> None:
        """Note when Jobs appear."""
        query: dict[str, str | int] = {"watch": "true", "labelSelector": "app.kubernetes.io/managed-by=evallab"}
        while True:
            response = await self.api._send("GET", JOB.path(self.namespace), query, None, seconds=None)
            async for line in response.content:
                labels = json.loads(line)["object"]["metadata"].get("labels") or {}
                self.seen.setdefault(labels.get("evallab.dev/job", ""), time.monotonic())

    async def jobs_for(self, uids: list[str]) -> None:
        """Make a Job for each, as finished attempts leave them until their TTL."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(number: int, uid: str) -> None:
            async with places:
                await self.api.create(JOB, self.namespace, _old_job(number, uid))

        await asyncio.gather(*(one(*each) for each in enumerate(uids)))

    async def end(self, attempt: str) -> None:
        """Play the part of the kubelet: the pods of an attempt have succeeded."""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        for pod in await self.api.list(POD, self.namespace, labels=f"evallab.dev/attempt={attempt}"):
            said = {"status": _succeeded(pod["spec"], now)}
            await self.api.merge(POD, self.namespace, pod["metadata"]["name"], said, subresource="status")

    async def phases(self, *wanted: str) -> bool:
        """Say whether every EvalJob is in one of these phases."""
        found = await self.api.list(EVALJOB, self.namespace)
        return bool(found) and all(each.get("status", {}).get("phase") in wanted for each in found)


def _old_job(number: int, uid: str) -> Json:
    labels = {"app.kubernetes.io/managed-by": "evallab", "evallab.dev/job": uid, "evallab.dev/role": "attempt"}
    pod = {"restartPolicy": "Never", "containers": [{"name": "adapter", "image": "none"}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"old-{number}-{uid[:8]}", "labels": labels},
        "spec": {"suspend": True, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def _succeeded(spec: Json, now: str) -> Json:
    state = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}}

    def statuses(containers: list[Json]) -> list[Json]:
        common = {"ready": False, "restartCount": 0, "imageID": "", "state": state}
        return [{"name": each["name"], "image": each["image"], **common} for each in containers]

    return {
        "phase": "Succeeded",
        "initContainerStatuses": statuses(spec.get("initContainers") or []),
        "containerStatuses": statuses(spec["containers"]),
    }


async def until(look: Callable[[], Any], *, seconds: float = 120) -> None:
    """Look until there is something."""
    async with asyncio.timeout(seconds):
        while True:
            found = await asyncio.to_thread(look) if not asyncio.iscoroutinefunction(look) else await look()
            if found:
                return
            await asyncio.sleep(0.05)


async def quiet(operator: Operator, *, seconds: float = 600) -> None:
    """Wait until nothing was written for six seconds: words may wait for five."""
    async with asyncio.timeout(seconds):
        before = -1.0
        while (now := await asyncio.to_thread(operator.writes)) != before:
            before = now
            await asyncio.sleep(6)


def known(operator: Operator) -> float:
    """Return how many EvalJobs an operator knows and has no work with."""
    lines = dict(line.rsplit(" ", 1) for line in operator.asked("/metrics")[1].splitlines() if line[:1] != "#")
    return float(lines.get("evallab_operator_evaljobs", 0)) - float(lines.get("evallab_operator_queue_depth", 0))


def cpu(operator: Operator) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{operator.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def bench(api: KubernetesApi, url: str, sizes: argparse.Namespace) -> AsyncIterator[Bench]:
    """A namespace, a database, and nothing in them."""
    name = f"bench-{secrets.token_hex(4)}"
    await api.create(NAMESPACE, None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    database = name.replace("-", "_")
    with psycopg.connect(url, autocommit=True) as connection, tempfile.TemporaryDirectory() as directory:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        own = urlsplit(url)._replace(path=f"/{database}").geturl()
        target: Any = Target({"KUBECONFIG": os.environ["KUBECONFIG"], "LOG_LEVEL": "WARNING"})
        with operators(target, name, own, Path(directory)) as installed:
            made = Bench(api, installed, sizes)
            watching = asyncio.create_task(made.watch())
            try:
                yield made
            finally:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))
    await api.delete(NAMESPACE, None, name)
