"""What the operator costs, on an API server without nodes: latency, bursts, memory, cold start, writes, failover.

    tests/cluster/kit/up --nodeless
    KUBECONFIG=… EVALLAB_DATABASE_URL=… python -m benchmarks.operator [--rate 30 --seconds 60 --burst 1000 --many 10000]

The database is one in which others may be created; the cluster must have evallab's CRD. No pod ever runs: Jobs are seen
as soon as they exist. Medians of `--runs`. Start it with -m: as a script it would hide a standard module of that name.
"""

# ruff: noqa: A005

import argparse
import asyncio
import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from tests.cluster.operating import Operator, Operators, evaljob, operators

from evallab.kubeapi.client import KubernetesApi, of_context
from evallab.kubeapi.interface import EVALJOB, JOB, Kind

NAMESPACE = Kind("", "v1", "namespaces", "Namespace")
AT_ONCE = 32
Json = dict[str, Any]
Figures = dict[str, float]


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
        made = await self.api.create(EVALJOB, self.namespace, evaljob(f"bench-{self.numbers}", **spec))
        return made["metadata"]["uid"], time.monotonic()

    async def create_many(self, count: int, **spec: Any) -> dict[str, float]:
        """Create many, several at once."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one() -> tuple[str, float]:
            async with places:
                return await self.create(**spec)

        return dict(await asyncio.gather(*(one() for _ in range(count))))

    async def leading(self, *words: str) -> Operator:
        """Start an operator and wait until it leads."""
        operator = self.installed.start(*words)
        await until(lambda: operator.leads)
        return operator

    async def watch(self) -> None:
        """Note when Jobs appear."""
        query: dict[str, str | int] = {"watch": "true", "labelSelector": "app.kubernetes.io/managed-by=evallab"}
        while True:
            response = await self.api._send("GET", JOB.path(self.namespace), query, None, timeout=None)
            async for line in response.content:
                labels = json.loads(line)["object"]["metadata"].get("labels") or {}
                self.seen.setdefault(labels.get("evallab.dev/job", ""), time.monotonic())


async def latency(bench: Bench) -> Figures:
    """EvalJobs at a steady rate: how long until each has its Job; and what that wrote."""
    operator = await bench.leading()
    before = operator.writes()
    made: dict[str, float] = {}
    begin, tasks = time.monotonic(), []
    for number in range(bench.sizes.rate * bench.sizes.seconds):
        await asyncio.sleep(max(0.0, begin + number / bench.sizes.rate - time.monotonic()))
        tasks.append(asyncio.create_task(bench.create()))
    made = dict(await asyncio.gather(*tasks))
    await until(lambda: made.keys() <= bench.seen.keys())
    took = sorted(1000 * max(0.0, bench.seen[uid] - at) for uid, at in made.items())
    await quiet(operator)
    written = operator.writes()
    await asyncio.sleep(20)
    return {
        "create → Job p50 ms": statistics.median(took),
        "create → Job p99 ms": took[int(len(took) * 0.99)],
        "writes per attempt until its Job waits": (written - before) / len(made),
        "writes in 20 s of nothing": operator.writes() - written,
    }


async def burst(bench: Bench) -> Figures:
    """Many EvalJobs at once: until all have Jobs, and statuses that say so."""
    operator = await bench.leading()
    begin = time.monotonic()
    made = await bench.create_many(bench.sizes.burst)
    created = time.monotonic() - begin
    await until(lambda: made.keys() <= bench.seen.keys(), seconds=600)
    jobs = time.monotonic() - begin

    async def told() -> bool:
        found = await bench.api.list(EVALJOB, bench.namespace)
        return all("status" in each for each in found)

    await until(told, seconds=600)
    return {
        "burst: created s": created,
        "burst: all Jobs s": jobs,
        "burst: all statuses s": time.monotonic() - begin,
        "burst: CPU ms per EvalJob": 1000 * cpu(operator) / len(made),
    }


async def memory_and_start(bench: Bench) -> Figures:
    """Memory without and with many EvalJobs (one in ten waits), then how long a new process needs to know them all."""
    operator = await bench.leading()
    await asyncio.sleep(5)
    found = {"RSS idle MB": operator.resident_mb()}
    for times in (1, 4):
        count = bench.sizes.many * times - bench.numbers
        uids = await bench.create_many(count - count // 10, cancelled=True)
        await bench.create_many(count // 10, suspend=True)
        await jobs_for(bench, list(uids)[:count])
        await quiet(operator, seconds=3600)
        found[f"RSS with {bench.numbers} EvalJobs MB"] = operator.resident_mb()
        operator.end()
        begin = time.monotonic()
        operator = await bench.leading()
        await until(lambda o=operator, n=bench.numbers: known(o) >= n, seconds=600)
        uid, _ = await bench.create()
        await until(lambda u=uid: u in bench.seen, seconds=600)
        found[f"cold start with {bench.numbers - 1} + {bench.numbers - 1} s"] = time.monotonic() - begin
        found[f"RSS after cold start with {bench.numbers - 1} MB"] = operator.resident_mb()
        if not bench.sizes.four:
            break
    return found


async def failover(bench: Bench) -> Figures:
    """The leader loses power: until the other one makes Jobs."""
    first = await bench.leading()
    second = bench.installed.start()
    await until(lambda: second.asked("/readyz")[0] == 200)
    first.kill()
    begin = time.monotonic()
    uid, _ = await bench.create()
    await until(lambda: uid in bench.seen, seconds=120)
    return {"failover: next Job s": time.monotonic() - begin}


MEASURES: dict[str, Callable[[Bench], Awaitable[Figures]]] = {
    "latency": latency,
    "burst": burst,
    "memory": memory_and_start,
    "failover": failover,
}


async def jobs_for(bench: Bench, uids: list[str]) -> None:
    """Make a Job for each, as finished attempts leave them until their TTL."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, uid: str) -> None:
        labels = {"app.kubernetes.io/managed-by": "evallab", "evallab.dev/job": uid, "evallab.dev/role": "attempt"}
        pod = {"restartPolicy": "Never", "containers": [{"name": "adapter", "image": "none"}]}
        body = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": f"old-{number}-{uid[:8]}", "labels": labels},
            "spec": {"suspend": True, "template": {"metadata": {"labels": labels}, "spec": pod}},
        }
        async with places:
            await bench.api.create(JOB, bench.namespace, body)

    await asyncio.gather(*(one(*each) for each in enumerate(uids)))


async def until(look: Callable[[], Any], *, seconds: float = 120) -> None:
    """Look until there is something."""
    async with asyncio.timeout(seconds):
        while True:
            found = await asyncio.to_thread(look) if not asyncio.iscoroutinefunction(look) else await look()
            if found:
                return
            await asyncio.sleep(0.05)


async def quiet(operator: Operator, *, seconds: float = 300) -> None:
    """Wait until nothing was written for four seconds."""
    async with asyncio.timeout(seconds):
        before = -1.0
        while (now := await asyncio.to_thread(operator.writes)) != before:
            before = now
            await asyncio.sleep(4)


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


async def measure(sizes: argparse.Namespace) -> dict[str, list[float]]:
    """Measure everything that was asked for, several times."""
    found: dict[str, list[float]] = {}
    api = await of_context()
    try:
        for name in sizes.only or MEASURES:
            for number in range(sizes.runs):
                async with bench(api, os.environ["EVALLAB_DATABASE_URL"], sizes) as made:
                    for what, value in (await MEASURES[name](made)).items():
                        found.setdefault(what, []).append(value)
                        sys.stderr.write(f"{name} {number + 1}/{sizes.runs}: {what} {value:.1f}\n")
    finally:
        await api.close()
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operator")
    for name, size in (("rate", 30), ("seconds", 60), ("burst", 1000), ("many", 10_000), ("runs", 3)):
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--only", nargs="*", choices=MEASURES)
    parser.add_argument("--four", action="store_true", help="measure the cold start with four times as many, too")
    found = asyncio.run(measure(parser.parse_args()))
    sys.stdout.write("| what | median | of |\n|---|---:|---|\n")
    for what, values in found.items():
        each = ", ".join(f"{value:.1f}" for value in values)
        sys.stdout.write(f"| {what} | {statistics.median(values):.1f} | {each} |\n")


if __name__ == "__main__":
    main()
