"""What an adapter says and leaves reaches the server, whatever happens to either of them in between."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.integration.sidecar.conftest import Pod, event, eventually
from tests.integration.sidecar.server import Server, serving

BIG = bytes(range(256)) * 12_500


def seal_of(peer: Server, files: dict[tuple[str, str], bytes], *, events: int) -> dict[str, object]:
    """Return the body of a seal that names these files."""
    named = [
        {"area": area, "name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for (area, name), content in files.items()
    ]
    return {"files": named, "events": events, "left_out": []}


def test_everything_is_handed_in_and_sealed(pod: Pod, peer: Server) -> None:
    pod.start()
    assert [pod.post(event(status)).status_code for status in ("pending", "running", "completed")] == [204] * 3
    files = {
        ("result", "result.json"): b'{"status": "completed"}',
        ("meta", "test_data.json"): b"{}",
        ("artifacts", "deep/big of mine.bin"): BIG,
        ("artifacts", "samples.jsonl"): b"{}\n",
        ("work", "answers.jsonl"): b'{"a": 1}\n{"a": 2}\n{"torn',
        ("work", "cache/empty"): b"",
    }
    for (area, name), content in files.items():
        path = pod.data / (name if area in {"result", "meta"} else f"{area}/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert pod.finish() == 0
    assert peer.files() == files
    assert peer.statuses() == ["pending", "running", "completed"]
    assert peer.seals == [seal_of(peer, files, events=3)]
    assert peer.log[-1] == "POST /a/a1/seal 204"


def test_without_anything_it_seals_at_once(pod: Pod, peer: Server) -> None:
    assert pod.start().finish() == 0
    assert (peer.log, peer.seals) == (["POST /a/a1/seal 204"], [seal_of(peer, {}, events=0)])


def test_only_its_own_attempt_is_heard(pod: Pod, peer: Server) -> None:
    pod.start()
    other = {"benchmark_status_event": {"provider_id": "acme", "id": "other", "status": "running"}}
    answers = [
        pod.post(other),
        pod.post(path="/a/a2/api/v1/evaluations/jobs/job-1/events"),
        pod.post(path="/a/a1/api/v1/evaluations/jobs/job-2/events"),
        pod.post({"no": "event"}),
    ]
    assert [each.status_code for each in answers] == [404, 404, 404, 400]
    assert pod.finish() == 0
    assert peer.events == {}


def test_work_is_sent_while_the_adapter_runs_by_whole_lines(pod: Pod, peer: Server) -> None:
    pod.start()
    key, path = ("work", "answers.jsonl"), pod.data / "work" / "answers.jsonl"
    line = b'{"answer": "%s"}\n' % (b"x" * 1000)
    with path.open("wb", buffering=0) as file:
        for _ in range(5):
            file.write(line * 100 + b'{"to')
            eventually(lambda: peer.content(key) == path.read_bytes().removesuffix(b'{"to'))
            file.write(b'rn": 1}\n')
    eventually(lambda: peer.content(key) == path.read_bytes())
    assert not peer.sealed
    assert pod.finish() == 0
    assert peer.files() == {key: path.read_bytes()}


def test_a_work_file_that_is_rewritten_ends_as_it_is(pod: Pod, peer: Server) -> None:
    pod.start()
    key, path = ("work", "answers.jsonl"), pod.data / "work" / "answers.jsonl"
    path.write_bytes(b"first\n" * 60_000)
    eventually(lambda: peer.content(key) == path.read_bytes())
    path.write_bytes(b"other\n" * 60_000)  # as long, so that nothing shows while it runs
    assert pod.finish() == 0
    assert peer.files() == {key: b"other\n" * 60_000}


def test_what_the_server_lost_is_sent_again(pod: Pod, peer: Server) -> None:
    pod.start()
    (pod.data / "result.json").write_text("{}")
    (pod.data / "artifacts" / "big").write_bytes(BIG)
    peer.lose = {("artifacts", "big")}
    assert pod.finish() == 0
    assert peer.files() == {("result", "result.json"): b"{}", ("artifacts", "big"): BIG}
    assert [line for line in peer.log if "seal" in line] == ["POST /a/a1/seal 409", "POST /a/a1/seal 204"]


def test_a_database_that_is_away_when_the_adapter_ends(pod: Pod, peer: Server) -> None:
    pod.start()
    peer.away = True
    assert pod.post(event("completed")).status_code == 204, "the adapter need not know"
    (pod.data / "result.json").write_text("{}")
    eventually(lambda: any(line.endswith("events 503") for line in peer.log))
    pod.tell()
    seen = len(peer.log)
    eventually(lambda: len(peer.log) >= seen + 3)
    assert (peer.events, peer.files(), peer.seals) == ({}, {}, [])
    peer.away = False
    assert pod.ended() == 0
    assert (peer.statuses(), peer.files()) == (["completed"], {("result", "result.json"): b"{}"})
    assert peer.sealed


def test_a_server_that_is_gone_when_the_adapter_ends(tmp_path: Path) -> None:
    server = Server()
    with serving(server):
        pod = Pod(tmp_path / "pod", server.url).make().start()
        pod.post()
        eventually(lambda: server.statuses() == ["running"])
    try:
        pod.post(event("completed"))
        (pod.data / "result.json").write_text("{}")
        pod.tell()
        eventually(lambda: "cannot be reached" in pod.log)
        with serving(server):
            assert pod.ended() == 0
    finally:
        pod.kill()
    assert (server.statuses(), server.seals[0]["events"]) == (["running", "completed"], 2)


def test_a_token_that_is_rotated(pod: Pod, peer: Server) -> None:
    pod.start()
    peer.token = "rotated"
    pod.post()
    eventually(lambda: any(line.endswith("events 401") for line in peer.log))
    (pod.root / "token").write_text("rotated")
    assert pod.finish() == 0
    assert (peer.statuses(), peer.sealed) == (["running"], True)


def test_what_an_installation_does_not_take_is_left_out_and_said(tmp_path: Path) -> None:
    with serving(Server()) as server:
        pod = Pod(tmp_path / "pod", server.url, limits={"leavings_mib": 1}).make().start()
        (pod.data / "result.json").write_text("{}")
        (pod.data / "artifacts" / "large").write_bytes(bytes((1 << 20) - 1))
        (pod.data / "artifacts" / "small").write_bytes(b"small")
        assert pod.finish() == 0
    assert server.files() == {("result", "result.json"): b"{}", ("artifacts", "small"): b"small"}
    assert [each["name"] for each in server.seals[0]["left_out"]] == ["large"]


def test_an_attempt_that_is_gone_is_given_up(pod: Pod, peer: Server) -> None:
    pod.start()
    peer.gone = True
    assert pod.post(event("completed")).status_code == 204, "the adapter need not know"
    (pod.data / "result.json").write_text("{}")
    (pod.data / "work" / "answers.jsonl").write_text("{}\n")
    assert pod.finish() == 1
    assert "HTTP 410 attempt_gone" in pod.log
    assert (peer.events, peer.files(), peer.sealed) == ({}, {}, False)


def test_an_event_that_is_refused_stands_in_nobodys_way(pod: Pod, peer: Server) -> None:
    peer.refused = {"failed"}
    peer.away = True
    pod.start()
    for status in ("pending", "failed", "running", "completed"):
        pod.post(event(status))
    peer.away = False
    assert pod.finish() == 0
    assert peer.statuses() == ["pending", "running", "completed"]
    assert peer.seals[0]["events"] == 3
    assert "HTTP 400 request_validation_failed" in pod.log
    assert len(list((pod.root / "spool" / "events" / "refused").iterdir())) > 0


def test_links_and_pipes_are_left_out(pod: Pod, peer: Server) -> None:
    """The adapter must not have the sidecar send what only the sidecar may read."""
    (pod.root / "secret" / "api-key").write_text("topsecret")
    pod.start()
    (pod.data / "artifacts" / "link").symlink_to(pod.root / "secret" / "api-key")
    (pod.data / "artifacts" / "folder").symlink_to(pod.root / "secret")
    os.mkfifo(pod.data / "artifacts" / "pipe")
    (pod.data / "artifacts" / "good").write_text("good")
    (pod.data / "result.json").symlink_to(pod.root / "secret" / "api-key")
    (pod.data / "work").rmdir()
    (pod.data / "work").symlink_to(pod.root / "secret")
    assert pod.finish() == 0
    assert peer.files() == {("artifacts", "good"): b"good"}
    assert peer.seals[0]["left_out"] == [
        {"area": "result", "name": "result.json", "reason": "a link"},
        {"area": "artifacts", "name": "folder", "reason": "a link"},
        {"area": "artifacts", "name": "link", "reason": "a link"},
        {"area": "artifacts", "name": "pipe", "reason": "not a plain file"},
    ]
    assert "topsecret" not in pod.log


def test_an_attempt_that_the_server_does_not_know_is_not_flushed_for_ever(tmp_path: Path, peer: Server) -> None:
    pod = Pod(tmp_path / "pod", peer.url).make()
    config = (pod.root / "etc" / "sidecar.json").read_text().replace('"a1"', '"gone"')
    (pod.root / "etc" / "sidecar.json").write_text(config)
    try:
        assert pod.start().finish() == 1
    finally:
        pod.kill()
    assert "HTTP 404 resource_not_found" in pod.log


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_points_nothing_is_lost(pod: Pod, peer: Server, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - points to be killed at
    work, stop = pod.data / "work" / "answers.jsonl", threading.Event()

    def work_on() -> None:
        with work.open("wb", buffering=0) as file:
            for number in range(100_000):
                file.write(b'{"answer": %d}\n' % number * 200)
                if stop.wait(0.005):
                    return

    adapter = threading.Thread(target=work_on)
    adapter.start()
    (pod.data / "artifacts" / "big").write_bytes(BIG)
    acknowledged = 0
    for _ in range(2):
        pod.start()
        for _ in range(dice.randrange(30)):
            acknowledged += pod.post(event(completed_at=None)).status_code == 204
        peer.away = dice.random() < 0.3
        time.sleep(dice.random() * 0.3)
        pod.kill()
        peer.away = False
    stop.set()
    adapter.join()
    (pod.data / "result.json").write_text("{}")
    for _ in range(3):  # killed while it flushes
        pod.start().tell()
        time.sleep(dice.random() * 0.1)
        pod.kill()
    code = pod.start().finish()
    files = {
        ("work", "answers.jsonl"): work.read_bytes(),
        ("artifacts", "big"): BIG,
        ("result", "result.json"): b"{}",
    }
    assert (code, peer.files()) == (0, files)
    assert (len(peer.events), peer.seals[-1]["events"]) == (acknowledged, acknowledged)
    assert all(each == peer.seals[0] for each in peer.seals)


def test_a_successor_does_not_send_again_what_is_there(pod: Pod, peer: Server) -> None:
    pod.start()
    pod.post()
    (pod.data / "work" / "answers.jsonl").write_bytes(b"line\n" * 100_000)
    eventually(lambda: peer.content(("work", "answers.jsonl")) == b"line\n" * 100_000 and len(peer.events) == 1)
    seen = len(peer.log)
    pod.kill()
    assert pod.start().finish() == 0
    assert peer.log[seen:] == ["POST /a/a1/seal 204"]


def test_a_wrong_configuration_is_said(pod: Pod) -> None:
    (pod.root / "etc" / "sidecar.json").write_text('{"server": "x"}')
    done = subprocess.run(
        [sys.executable, "-m", "evallab.cli", "sidecar", "--config", str(pod.root / "etc" / "sidecar.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        f"error: SidecarConfig in {pod.root / 'etc'} is not valid: attempt: Field required.",
    )


def test_ctrl_c_is_the_end_as_well(pod: Pod, peer: Server) -> None:
    pod.start().tell(signal.SIGINT)
    assert (pod.ended(), peer.sealed) == (0, True)
