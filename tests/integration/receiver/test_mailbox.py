"""The mailbox as a real process: it takes events whoever dies, and dies itself without losing any."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.integration.faults.test_disk import on_a_small_disk
from tests.integration.receiver.conftest import Home, event, eventually
from tests.integration.receiver.owner import SPEC
from tests.integration.store import making

from evallab.api.errors import EvallabError
from evallab.receiver.drain import Drain
from evallab.receiver.ensuring import ensure_mailbox, living
from evallab.receiver.mailbox import receiving_by_mailbox
from evallab.receiver.segments import Spooled
from evallab.receiver.spool import Spool
from evallab.store.interface import EventRow
from evallab.store.postgres import PostgresStore


class Rows:
    """The narrow face of a store."""

    def __init__(self) -> None:
        self.rows = dict[str, EventRow]()

    async def add_events(self, events: Sequence[EventRow]) -> frozenset[str]:
        self.rows |= {event.id: event for event in events if event.id not in self.rows}
        return frozenset()


def now() -> datetime:
    return datetime.now(UTC)


async def with_attempt(store: PostgresStore) -> None:
    """Have the store know the attempt `a1`."""
    await store.create_job(making.job(), [making.benchmark()], actor="test")
    await store.save_attempt(making.attempt(id="a1"))


async def statuses(store: PostgresStore) -> list[str]:
    return [row.body["status"] for row in (await store.snapshot("job-1")).events]


async def test_an_event_is_taken_while_the_owner_is_dead(
    home: Home, killed_owner: tuple[str, str], store: PostgresStore
) -> None:
    url, token = killed_owner
    await with_attempt(store)
    said = home.post(urlsplit(url).port or 0, event("completed", metrics={"acc": 0.5}), token=token)
    assert said.status_code == 204
    stored = asyncio.Event()
    async with receiving_by_mailbox(home.path, store, stored=lambda _: stored.set(), now=now) as receiver:
        assert receiver.callback_url("a1") == url
        assert receiver.attempt_of("job-1", "lm_evaluation_harness", "sums", 0) == "a1"
        assert receiver.expected_jobs() == {"job-1"}
        await asyncio.wait_for(stored.wait(), timeout=60)
        assert not receiver.pending()
    assert await statuses(store) == ["completed"]


async def test_what_was_acknowledged_survives_its_kill(home: Home, store: PostgresStore) -> None:
    await with_attempt(store)
    home.expect()
    port = await home.start()
    async with httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{port}/a/a1/api/v1/evaluations/jobs/job-1/events"
        answers = await asyncio.gather(*(client.post(url, json=event("completed")) for _ in range(8)))
    await home.kill()
    assert [each.status_code for each in answers] == [204] * 8
    for _ in range(2):  # also when the next owner is told twice
        async with receiving_by_mailbox(home.path, store, stored=lambda _: None, now=now) as receiver:
            await receiver.settle()
    assert await statuses(store) == ["completed"] * 8


async def test_killed_it_is_started_again_where_it_listened(home: Home) -> None:
    stored = asyncio.Event()
    async with receiving_by_mailbox(home.path, Rows(), stored=lambda _: stored.set(), now=now) as receiver:
        token, port = receiver.expect("a1", SPEC), receiver.port
        for _ in range(2):
            killed = await home.kill()
            await eventually(partial(home.has_another, killed, port))
            assert home.post(port, token=token).status_code == 204
            await asyncio.wait_for(stored.wait(), timeout=60)
            stored.clear()
        assert receiver.port == port


async def test_where_its_port_was_taken_it_listens_elsewhere(home: Home) -> None:
    async with receiving_by_mailbox(home.path, Rows(), stored=lambda _: None, now=now) as receiver:
        before = receiver.port
        with socket.socket() as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            [process] = home.processes()
            os.kill(process, signal.SIGSTOP)  # so that nobody starts another one before the port is gone
            os.kill(process, signal.SIGKILL)
            await eventually(lambda: _bound(thief, before))
            await eventually(lambda: receiver.port != before)
        token = receiver.expect("a1", SPEC)
        assert home.post(receiver.port, token=token).status_code == 204


def _bound(thief: socket.socket, port: int) -> bool:
    try:
        thief.bind(("127.0.0.1", port))
    except OSError:
        return False
    thief.listen()
    return True


async def test_who_comes_together_gets_one_mailbox(home: Home) -> None:
    script = "import sys; from pathlib import Path; from evallab.receiver.ensuring import ensure_mailbox; "
    script += "print(ensure_mailbox(Path(sys.argv[1])))"
    program = [sys.executable, "-c", script, str(home.path)]
    asking = [await asyncio.create_subprocess_exec(*program, stdout=subprocess.PIPE) for _ in range(4)]
    ports = [(await each.communicate())[0] for each in asking]
    assert len(home.processes()) == 1
    assert set(ports) == {f"{living(home.path)}\n".encode()}
    assert (home.path / "mailbox.port").read_text() == f"{living(home.path)}"


async def test_it_leaves_when_nothing_is_expected_and_nobody_is_there(home: Home) -> None:
    home.expect("a1")
    await home.start(linger=0.0)
    async with receiving_by_mailbox(home.path, Rows(), stored=lambda _: None, now=now) as receiver:
        [process] = home.processes()
        receiver.forget("a1")
        await asyncio.sleep(2.5)  # it looks every second, and sees us
        assert home.processes() == [process]
    await eventually(lambda: living(home.path) is None)


async def test_it_stays_as_long_as_an_attempt_is_expected(home: Home) -> None:
    home.expect("a1")
    await home.start(linger=0.0)
    await asyncio.sleep(2.5)
    assert len(home.processes()) == 1


async def test_it_leaves_with_its_home(home: Home) -> None:
    home.expect("a1")
    await home.start()
    shutil.rmtree(home.path)
    await eventually(lambda: not home.processes())


async def test_told_to_end_it_answers_first(home: Home) -> None:
    home.expect()
    port = await home.start()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        body = (
            b'{"benchmark_status_event": {"provider_id": "lm_evaluation_harness", "id": "sums", "status": "running"}}'
        )
        head = f"POST /a/a1/api/v1/evaluations/jobs/job-1/events HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(head.encode() + b"\r\n" + body[:10])
        home.post(port)  # by now it has read the head
        [process] = home.processes()
        os.kill(process, signal.SIGTERM)
        await asyncio.sleep(0.3)
        connection.sendall(body[10:])
        assert connection.recv(100).startswith(b"HTTP/1.1 204 ")
    await eventually(lambda: not home.processes())
    [segments] = [[len(each.events) for each in Spool(home.path / "spool").segments()]]
    assert segments == [1, 1]
    assert "action=leave" in (home.path / "log" / "mailbox.log").read_text()


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/a/a2/api/v1/evaluations/jobs/job-1/events", 404, "resource_not_found"),
        ("/a/a1/api/v1/evaluations/jobs/job-2/events", 404, "resource_not_found"),
        ("/a/..%2fa1/api/v1/evaluations/jobs/job-1/events", 404, ""),
        ("/a/%2e%2e/api/v1/evaluations/jobs/job-1/events", 404, "resource_not_found"),
        ("/a/a1%00/api/v1/evaluations/jobs/job-1/events", 404, "resource_not_found"),
        (f"/a/{'a' * 5000}/api/v1/evaluations/jobs/job-1/events", 404, "resource_not_found"),
        ("/a/a1/api/v1/evaluations/jobs/job-1/events?x=../..", 204, ""),
    ],
)
async def test_only_expected_attempts_are_heard(home: Home, path: str, status: int, code: str) -> None:
    home.expect("a1")
    with socket.create_connection(("127.0.0.1", await home.start())) as connection:
        body = (
            b'{"benchmark_status_event": {"provider_id": "lm_evaluation_harness", "id": "sums", "status": "running"}}'
        )
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert code in answer
    assert (code == "") == ("message_code" not in answer)


async def test_a_full_disk_is_said_and_passes(home: Home) -> None:
    disk = on_a_small_disk(home.path / "spool", fill=True)
    if (await (await asyncio.create_subprocess_exec(*disk, "true")).wait()) != 0:
        pytest.skip("this account may not mount a file system, not even for itself alone")
    home.expect("a1")
    port = await home.start(before=tuple(disk))
    full = home.post(port, event(metrics={"filling": "x" * 10_000}))
    assert (full.status_code, full.json()["message_code"]) == (507, "insufficient_storage")
    assert "No space left on device" in full.json()["message"]
    [process] = home.processes()
    Path(f"/proc/{process}/root{home.path}/spool/filling").unlink()
    assert home.post(port, event(metrics={"filling": "x" * 10_000})).status_code == 204


async def test_two_that_empty_one_spool_store_once(home: Home, store: PostgresStore) -> None:
    await with_attempt(store)
    spool = Spool(home.path / "spool")
    for number in range(300):
        body = {"status": "completed", "metrics": {"n": number}}
        await spool.put(Spooled(id=f"e{number}", attempt_id="a1", received_at=now(), body=body))
    drains = [Drain(Spool(home.path / "spool"), store, stored=lambda _: None) for _ in range(2)]
    await asyncio.gather(*(drain.empty() for drain in drains))
    assert len(await statuses(store)) == 300
    assert not spool.pending()


async def test_a_mailbox_that_cannot_start_says_where_to_look(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evallab.receiver.ensuring.PATIENCE_S", 0.1)
    (home.path / "spool").touch()
    with pytest.raises(EvallabError, match=r"See .*mailbox\.log"):
        ensure_mailbox(home.path)
    assert "action=give_up" in (home.path / "log" / "mailbox.log").read_text()


def test_it_is_small() -> None:
    script = "import sys, evallab.receiver.mailbox_process; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    heavy = {"psycopg", "numpy", "scipy", "starlette", "httpx", "yaml", "zstandard", "evallab.store", "evallab.engine"}
    assert heavy & set(loaded) == set()
