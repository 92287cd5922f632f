"""Managed environments: made once per version by a real uv, whoever dies meanwhile; listed, collected, never half."""

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.modelserver.wheels import uv_environ, wheel

from evallab.api.errors import ModelServerFailed, UsageError
from evallab.modelserver.environments import Environments

VERSION = "9.9.1"


@pytest.fixture
def environments(tmp_path: Path) -> Environments:
    wheel(tmp_path / "wheels", VERSION)
    environ = {"PATH": os.environ["PATH"], **uv_environ(tmp_path / "wheels", tmp_path / "cache")}
    return Environments(root=tmp_path / "environments", environ=environ, needed=0)


def quiet(_: str) -> None:
    """Hear nothing."""


def test_it_is_made_once_and_found_again_with_its_command_beside_its_python(environments: Environments) -> None:
    said: list[str] = []
    made, lock = environments.provide("vllm", VERSION, said.append)
    again, other = environments.provide("vllm", VERSION, lambda text: pytest.fail(text))
    os.close(lock)
    os.close(other)
    assert (made.name, made.directory, made.packages) == (
        "vllm-9.9.1",
        environments.root / "vllm-9.9.1",
        {"vllm": VERSION},
    )
    assert (again.made_at, [each.name for each in environments.all()]) == (made.made_at, ["vllm-9.9.1"])
    assert said[0] == "making the environment vllm-9.9.1"
    helped = subprocess.run([made.interpreter.with_name("vllm"), "--help"], capture_output=True, text=True, check=True)
    assert "--served-model-name" in helped.stdout
    assert list((environments.root / ".making").iterdir()) == []


def test_a_version_that_does_not_exist_is_a_sentence_and_leaves_nothing_that_counts(environments: Environments) -> None:
    with pytest.raises(ModelServerFailed, match="No such version fits this Python") as caught:
        environments.provide("vllm", "9.9.9", quiet)
    assert "vllm==9.9.9" in caught.value.message
    assert "Check serve.version" in caught.value.remedy
    assert environments.all() == []


@pytest.mark.parametrize("version", ["", "latest", "0.3 --index-url x", "../x"])
def test_what_is_no_version_never_reaches_uv(environments: Environments, version: str) -> None:
    with pytest.raises(UsageError, match="is no version of vllm"):
        environments.provide("vllm", version, quiet)


def test_a_disk_without_room_is_said_before_anything_is_fetched(environments: Environments) -> None:
    small = Environments(root=environments.root, environ=environments.environ, free=lambda _: 3_000_000_000)
    with pytest.raises(ModelServerFailed, match=r"needs 10\.0 GB; .* has 3\.0 GB free"):
        small.provide("vllm", VERSION, quiet)


def test_offline_only_what_is_in_uvs_cache_is_installed(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "UV_CACHE_DIR": str(tmp_path / "cache")}
    offline = Environments(root=tmp_path / "environments", environ=environ, needed=0, offline=True)
    with pytest.raises(ModelServerFailed, match="EVALLAB_OFFLINE is set"):
        offline.provide("vllm", VERSION, quiet)


class Stopped(Exception):
    """Nobody waits any more."""


def test_whoever_does_not_wait_any_more_stops_uv(environments: Environments) -> None:
    def stop(text: str) -> None:
        if "vllm==" in text:
            raise Stopped

    with pytest.raises(Stopped):
        environments.provide("vllm", VERSION, stop)
    assert environments.all() == []
    _, lock = environments.provide("vllm", VERSION, quiet)
    os.close(lock)


MAKER = """
import sys
from pathlib import Path
from evallab.modelserver.environments import Environments

def told(text):
    if sys.argv[2] in text:
        print("there", flush=True)
        import time; time.sleep(600)

Environments(root=Path(sys.argv[1]), environ=dict(__import__("os").environ), needed=0).provide("vllm", "9.9.1", told)
"""


@pytest.mark.parametrize("moment", ["making the environment vllm", "making the environment of vllm=="])
def test_killed_while_it_makes_one_the_next_begins_anew(environments: Environments, moment: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", MAKER, str(environments.root), moment],
        env={**os.environ, **environments.environ},
        stdout=subprocess.PIPE,
        text=True,
    ) as maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "there\n"
        assert environments.all() == []
        maker.send_signal(signal.SIGKILL)
    made, lock = environments.provide("vllm", VERSION, quiet)
    os.close(lock)
    assert [each.directory for each in environments.all()] == [made.directory]


def test_two_at_once_make_it_once(environments: Environments) -> None:
    found: list[tuple[datetime, int]] = []

    def make() -> None:
        made, lock = environments.provide("vllm", VERSION, quiet)
        found.append((made.made_at, lock))

    threads = [threading.Thread(target=make) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for _, lock in found:
        os.close(lock)
    assert len({made for made, _ in found}) == 1


def test_what_is_unused_is_collected_and_what_a_server_runs_on_is_not(environments: Environments) -> None:
    made, lock = environments.provide("vllm", VERSION, quiet)
    later = datetime.now(UTC) + timedelta(days=1)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock,)) as server:
        os.close(lock)
        assert environments.unused(since=later) == []
        assert not environments.remove(made.name)
        server.kill()
    assert [each.name for each in environments.unused(since=later)] == [made.name]
    assert environments.unused(since=made.used_at) == []
    assert environments.remove(made.name)
    assert (environments.all(), made.directory.exists()) == ([], False)


def test_what_was_left_by_a_maker_that_died_is_collected(environments: Environments) -> None:
    remains = environments.root / ".making" / "vllm-1.0"
    remains.mkdir(parents=True)
    environments.remove_remains()
    assert not remains.exists()
