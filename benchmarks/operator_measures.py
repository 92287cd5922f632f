"""What is measured of the operator: each function takes a fresh installation and returns its figures by name."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.cluster.operating import played

from benchmarks.operator_bench import Bench, cpu, known, quiet, until
from evallab.kubeapi.interface import EVALJOB, JOB, Kind
from evallab.store.connection import open_store

QUOTA = Kind("", "v1", "resourcequotas", "ResourceQuota")
Figures = dict[str, float]


async def latency(bench: Bench) -> Figures:
    """EvalJobs at a steady rate: how long until each has its Job, and what that costs."""
    operator = await bench.leading()
    await bench.create_steadily(bench.sizes.rate, bench.sizes.rate)  # connections are opened, statements prepared
    await quiet(operator)
    spent = cpu(operator)
    made = await bench.create_steadily(bench.sizes.rate * bench.sizes.seconds, bench.sizes.rate)
    await until(lambda: made.keys() <= bench.seen.keys(), seconds=600)
    took = sorted(1000 * max(0.0, bench.seen[uid] - at) for uid, at in made.items())
    await quiet(operator)
    spent, written = cpu(operator) - spent, operator.writes()
    await asyncio.sleep(20)
    return {
        "create p50": statistics.median(took),
        "create p99": took[int(len(took) * 0.99)],
        "create cpu": 1000 * spent / len(made),
        "steady writes": operator.writes() - written,
    }


async def burst(bench: Bench) -> Figures:
    """Many EvalJobs at once: until all have Jobs, and statuses that say so."""
    operator = await bench.leading()
    spent, begin = cpu(operator), time.monotonic()
    made = await bench.create_many(bench.sizes.burst)
    created = time.monotonic() - begin
    await until(lambda: made.keys() <= bench.seen.keys(), seconds=900)
    jobs = time.monotonic() - begin

    async def told() -> bool:
        return all("status" in each for each in await bench.api.list(EVALJOB, bench.namespace))

    await until(told, seconds=900)
    done = time.monotonic() - begin
    return {
        "burst created": created,
        "burst jobs": jobs,
        "burst done": done,
        "burst cpu": 1000 * (cpu(operator) - spent) / len(made),
    }


async def writes(bench: Bench) -> Figures:
    """Whole attempts that succeed: pods run, results arrive, pods end. What all of it writes and costs."""
    operator = await bench.leading()
    await asyncio.sleep(2)
    spent, written = cpu(operator), operator.writes()
    made = await bench.create_many(bench.sizes.attempts)
    await until(lambda: made.keys() <= bench.seen.keys(), seconds=300)

    async def phase(wanted: str) -> None:
        async def look() -> bool:
            return await bench.phases(wanted)

        await until(look, seconds=300)

    await phase("Running")
    url, home = bench.installed.database_url, Path(bench.installed.directory)
    async with open_store(url=url, home=home) as store:
        for job in await bench.api.list(JOB, bench.namespace):
            attempt = job["metadata"]["labels"]["evallab.dev/attempt"]
            await played(store, attempt)
            await bench.end(attempt)
    await phase("Completed")
    await quiet(operator)
    return {
        "attempt writes": (operator.writes() - written) / len(made),
        "attempt cpu": 1000 * (cpu(operator) - spent) / len(made),
    }


async def refused(bench: Bench) -> Figures:
    """A pod that a quota refuses: until its EvalJob has failed."""
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    await bench.api.create(QUOTA, bench.namespace, body)
    await bench.leading()
    _, begin = await bench.create()

    async def failed() -> bool:
        return await bench.phases("Failed")

    await until(failed, seconds=300)
    return {"refused": time.monotonic() - begin}


async def failover(bench: Bench) -> Figures:
    """The leader loses power: until the other one makes Jobs."""
    first = await bench.leading()
    second = bench.installed.start()
    await until(lambda: second.asked("/readyz")[0] == 200)
    first.kill()
    begin = time.monotonic()
    uid, _ = await bench.create()
    await until(lambda: uid in bench.seen, seconds=120)
    return {"failover": time.monotonic() - begin}


async def memory(bench: Bench) -> Figures:
    """Memory without and with many EvalJobs (one in ten waits), and how long a new process needs to know them all."""
    operator = await bench.leading()
    await asyncio.sleep(5)
    found = {"idle": operator.resident_mb()}
    for part, count in (("quarter", bench.sizes.many // 4), ("all", bench.sizes.many)):
        more = count - bench.numbers
        uids = await bench.create_many(more - more // 10, cancelled=True)
        await bench.create_many(more // 10, suspend=True)
        await bench.jobs_for([*uids, *uids][:more])
        await quiet(operator, seconds=3600)
        found[f"{part} memory"] = operator.resident_mb()
        starts = []
        for _ in range(bench.sizes.starts):
            operator.end()
            begin = time.monotonic()
            operator = await bench.leading()
            await until(lambda o=operator: known(o) >= bench.numbers, seconds=900)  # type: ignore[misc]
            uid, _ = await bench.create()
            await until(lambda u=uid: u in bench.seen, seconds=900)  # type: ignore[misc]
            starts.append((time.monotonic() - begin, cpu(operator), operator.resident_mb()))
        seconds, spent, resident = (statistics.median(each) for each in zip(*starts, strict=True))
        found |= {f"{part} start": seconds, f"{part} start cpu": spent, f"{part} start memory": resident}
    return found


MEASURES: dict[str, Callable[[Bench], Awaitable[Figures]]] = {
    "latency": latency,
    "burst": burst,
    "writes": writes,
    "refused": refused,
    "failover": failover,
    "memory": memory,
}
