"""Two who want to bring the jobs of one home to their ends: servers, and the background process of `run --detach`"""

import json
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

from tests.acceptance.command import EVALLAB
from tests.acceptance.evalhub.conftest import Start, configured, opened
from tests.acceptance.evalhub.rounds.deeds import plain
from tests.acceptance.evalhub.rounds.world import Process, World
from tests.acceptance.evalhub.running import SERVER, Server, free_port


def detach(server: Server, **parameters: object) -> str:
    """Run a job with `evallab run --detach` in the home of a server; return its id."""
    manifest = {
        "apiVersion": "evallab.dev/v1alpha1",
        "kind": "EvalJob",
        "metadata": {"name": "detached"},
        "spec": {
            "model": {"name": "m", "url": "http://127.0.0.1:9/v1"},
            "benchmarks": [{"providerId": "plain", "id": "a", "parameters": parameters}],
        },
    }
    (server.home / "job.yaml").write_text(json.dumps(manifest))
    done = subprocess.run(
        [str(EVALLAB), "run", "-f", "job.yaml", "--local", "--detach"],
        cwd=server.home,
        env=server.variables | {"EVALLAB_CONFIG_DIR": str(server.config)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[1]


def background(server: Server) -> list[Process]:
    """Return the background processes of a server's home."""
    return [each for each in World(server.home, server).processes() if each.says("evallab.local.background")]


def test_a_second_server(start: Start) -> None:
    """A second server is started in the home of one that lives; then, while a third waits for it, that one is killed.

    Ends: completed, at the first attempt: the third takes over what runs
    Told: the second ends with 2 after 15 seconds: another server serves this home; stop it, or choose another home
    Kept: everything
    """
    first = start()
    job_id = first.submit(plain(acc=0.5, sleep=25))
    second = subprocess.run(
        [str(SERVER), "--local", "--configdir", str(first.config)],
        cwd=first.home,
        env=first.variables | {"PORT": str(free_port())},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert second.returncode == 2, second.stderr
    assert f"Another evallab server already serves {first.home / 'lab'}. Stop it, or give this one" in second.stderr
    third = replace(first, process=None, port=free_port())
    waiting = threading.Thread(target=third.start)
    waiting.start()
    time.sleep(2)
    first.kill()
    waiting.join()
    try:
        job = third.finished(job_id)
        assert (job["status"]["state"], job["status"]["benchmarks"][0]["attempt"]) == ("completed", 1)
    finally:
        third.stop()


def test_run_detach_beside_a_server(start: Start) -> None:
    """`evallab run --detach` is called in the home of a server.

    Ends: completed, by the server; there is no background process
    Told: what it always says
    Kept: everything
    """
    server = start()
    job_id = detach(server, acc=0.5)
    assert server.finished(job_id)["status"]["state"] == "completed"
    assert background(server) == []


def test_a_server_displaces_the_background_process(tmp_path: Path) -> None:
    """A server is started where the background process of `run --detach` brings a job to its end.

    Ends: completed, at the first attempt: the server takes over what runs, the background process leaves
    Told: nothing
    Kept: everything
    """
    home = opened()
    server = Server(home=home, config=configured(home / "config"), port=free_port())
    job_id = detach(server, acc=0.5, sleep=8)
    [before] = background(server)
    server.start()
    try:
        server.until(lambda: before not in background(server), what="the background process to leave")
        job = server.finished(job_id)
        assert (job["status"]["state"], job["status"]["benchmarks"][0]["attempt"]) == ("completed", 1)
        assert background(server) == []
    finally:
        server.stop()
