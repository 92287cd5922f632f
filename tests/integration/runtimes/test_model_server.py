"""A model server under the shim."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evallab.api.errors import ModelServerFailed
from evallab.runtimes.interface import Exit
from evallab.runtimes.local.model_server import LocalServerProcess, free_port


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not check():  # noqa: ASYNC110 - another process sets no event
            await asyncio.sleep(0.01)


async def until_dead(server: LocalServerProcess) -> Exit:
    await until(lambda: not server.alive())
    found = server.exit()
    assert found is not None
    return found


async def test_a_server_answers_is_looked_at_from_elsewhere_and_stops(tmp_path: Path) -> None:
    server = LocalServerProcess(tmp_path / "server", tmp_path / "logs" / "server.log")
    assert (server.alive(), server.exit(), server.log_tail()) == (False, None, "")
    port = free_port()
    argv = [sys.executable, "-u", "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    await server.start(argv, {"PATH": os.environ["PATH"]}, cwd=tmp_path)
    await server.start(["false"], {})  # it runs: nothing happens
    await until(lambda: "Serving" in server.log_tail())
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await writer.wait_closed()
    other = LocalServerProcess(server.directory, server.log_file)
    assert other.alive()
    await other.stop(grace_seconds=5)
    assert (await until_dead(server)).signal == signal.SIGTERM


async def test_a_server_that_died_is_started_anew(tmp_path: Path) -> None:
    server = LocalServerProcess(tmp_path / "server", tmp_path / "server.log")
    for code in (3, 4):
        await server.start(["sh", "-c", f"echo run {code}; exit {code}"], {"PATH": os.environ["PATH"]})
        assert (await until_dead(server)).code == code
    assert server.log_tail() == "run 3\nrun 4\n"
    assert server.log_tail(lines=1) == "run 4\n"


async def test_a_missing_program_is_an_exit_and_a_missing_place_an_error(tmp_path: Path) -> None:
    server = LocalServerProcess(tmp_path / "server", tmp_path / "server.log")
    await server.start(["no-such-server"], {"PATH": os.environ["PATH"]})
    assert (await until_dead(server)).code == 127
    assert "no-such-server: No such file or directory" in server.log_tail()
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelServerFailed, match="could not be started"):
        await LocalServerProcess(tmp_path / "file" / "server", tmp_path / "server.log").start(["true"], {})


def test_free_ports_are_ports() -> None:
    assert 0 < free_port() < 65536
