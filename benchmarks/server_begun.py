"""From the POST of a job to the first instruction of its adapter. Called by `bench_server`.

The adapter's only instruction is to write a line into a pipe that this process reads: seen here, by one clock.
"""

import os
import select
import time
from collections.abc import Sequence

from benchmarks.row import Row
from benchmarks.server_client import Client, encoded
from benchmarks.server_process import PATIENCE_S
from benchmarks.server_seed import JOBS, job
from benchmarks.server_sides import PAUSE_S, RATIO, Sample, Side, Sizes, compared, in_turn


def rows(sides: Sequence[Side], sizes: Sizes) -> list[Row]:
    """Measure one job at a time, and many at once."""
    answered: list[Sample] = [[] for _ in sides]

    def alone(side: Side) -> Sample:
        with side.server.client() as client:
            return [_alone(side, client, answered[sides.index(side)]) for _ in range(sizes.begun)]

    began = in_turn(sides, sizes.rounds, alone)
    crowd = in_turn(sides, sizes.rounds, lambda side: _crowd(side, sizes.at_once))
    note = f"{sizes.rounds * sizes.begun} jobs, one at a time"
    return [
        compared("POST of a job → first instruction of its adapter", began, note=note, target=RATIO),
        compared(f"the same, each of {sizes.at_once} at once", crowd, note=f"{sizes.rounds} rounds in turn"),
        compared("POST of a job, answered", answered, note=note),
    ]


def _alone(side: Side, client: Client, answered: Sample) -> float:
    (first,) = _begun(side, [client], answered)
    time.sleep(PAUSE_S)
    return first


def _crowd(side: Side, number: int) -> Sample:
    clients = [Client(side.server.port) for _ in range(number)]
    began = _begun(side, clients, [])
    for each in clients:
        each.close()
    time.sleep(8 * PAUSE_S)
    return began


def _begun(side: Side, clients: Sequence[Client], answered: Sample) -> Sample:
    """Post a job over each connection, at once; return when each adapter began."""
    request, pipe = encoded("POST", JOBS, job("saying")), os.open(side.server.began, os.O_RDWR)
    seen, began_at = Sample(), time.perf_counter()
    for each in clients:
        each.socket.sendall(request)
    for each in clients:
        answer = each.answer(began_at)
        answered.append(answer.taken().seconds)
    while len(seen) < len(clients):
        if not select.select([pipe], [], [], PATIENCE_S)[0]:
            raise TimeoutError("An adapter never began.")
        lines = os.read(pipe, 65536).count(b"\n")
        seen += [time.perf_counter() - began_at] * lines
    os.close(pipe)
    return seen
