"""The public `evalhub` command (eval-hub-sdk 1.0.6) against this server, and this server started by it."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.acceptance.evalhub.conftest import configured, opened
from tests.acceptance.evalhub.evalhub_command import EvalhubCommand
from tests.acceptance.evalhub.running import SERVER, Server, free_port
from tests.acceptance.evalhub.sdk_environment import SdkEnvironment

SIDECAR = """#!{python}
import http.server, json, sys
port = int(json.load(open(sys.argv[2]))["base_url"].rsplit(":", 1)[1])
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("localhost", port), Healthy).serve_forever()
"""

WAITING = ("--wait", "--poll-interval", "0.1", "--timeout", "60", "--format", "json")


def written(folder: Path, name: str, data: Any) -> str:
    (folder / name).write_text(yaml.safe_dump(data))
    return str(folder / name)


def job(*benchmarks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "cli",
        "model": {"url": "http://127.0.0.1:9/v1", "name": "m"},
        "benchmarks": list(benchmarks),
        **more,
    }


def plain(**parameters: Any) -> dict[str, Any]:
    return {"id": "a", "provider_id": "plain", "parameters": parameters}


def run(evalhub: EvalhubCommand, *benchmarks: dict[str, Any], code: int = 0) -> Any:
    """Run a job to its end and return it."""
    config = written(evalhub.home, "job.yaml", job(*benchmarks))
    done = evalhub("eval", "run", "--config", config, *WAITING, code=code)
    job_id = done.err.split("Job submitted: ")[1].split()[0]
    return evalhub("eval", "status", job_id, "--format", "json").data[0]


def test_version_and_health(evalhub: EvalhubCommand) -> None:
    assert evalhub("version").out == "evalhub 1.0.6\n"
    assert evalhub("health").out.startswith("EvalHub service: healthy (")


def test_eval_run_waits_for_the_results_that_eval_results_shows(evalhub: EvalhubCommand) -> None:
    done = run(evalhub, plain(acc=0.5))
    assert done["status"]["state"] == "completed"
    shown = evalhub("eval", "results", done["resource"]["id"])
    assert shown.err == ""
    assert [word for line in shown.out.splitlines() for word in line.split() if word in {"a", "plain", "acc", "0.5"}]
    csv = evalhub("eval", "results", done["resource"]["id"], "--format", "csv").out
    assert csv.splitlines() == ["benchmark,provider,metric,value", "a,plain,acc,0.5"]


def test_eval_run_takes_a_job_from_flags(evalhub: EvalhubCommand) -> None:
    named = ("--name", "flags", "--model-url", "http://127.0.0.1:9/v1", "--model-name", "m", "--provider", "plain")
    done = evalhub("eval", "run", *named, "-b", "a", "-b", "b", "-p", "acc=0.25", "-p", "loss=0.1", *WAITING).data[0]
    assert [each["metrics"] for each in done["results"]["benchmarks"]] == [{"acc": 0.25, "loss": 0.1}] * 2


def test_eval_run_ends_with_one_when_the_job_failed(evalhub: EvalhubCommand) -> None:
    failed = run(evalhub, plain(fail="it would not"), code=1)
    assert failed["status"]["state"] == "failed"
    shown = evalhub("eval", "status", failed["resource"]["id"]).out
    assert "a (plain): failed [initializing] - it would not" in shown
    assert "Message: Evaluation job is failed. \nBenchmark a failed with message: it would not" in shown


def test_eval_run_ends_with_one_when_the_adapter_is_not_there(evalhub: EvalhubCommand) -> None:
    failed = run(evalhub, {"id": "x", "provider_id": "missing"}, code=1)  # EvalHub's server: waits for ever
    assert "was not found" in failed["status"]["benchmarks"][0]["error_message"]["message"]


def test_eval_run_watch_prints_the_log_once(evalhub: EvalhubCommand) -> None:
    config = written(evalhub.home, "job.yaml", job(plain(say="watched", acc=1, sleep=1)))
    watched = evalhub("eval", "run", "--config", config, "--watch", "--poll-interval", "0.2", "--timeout", "60")
    assert watched.out.splitlines()[2:] == ["watched", "end"]
    assert "finished with state: completed" in watched.err


def test_eval_status_lists_and_filters(evalhub: EvalhubCommand, server: Server) -> None:
    done = run(evalhub, plain(acc=1))["resource"]["id"]
    going = server.submit(plain(sleep=30, acc=1))
    listed = evalhub("eval", "status", "--format", "json", "--since", "1h").data
    assert [each["id"] for each in listed[:2]] == [going, done]
    assert {(each["name"], each["provider"], each["benchmarks"]) for each in listed[:2]} == {
        ("cli", "plain", 1),
        ("job", "plain", 1),
    }
    running = evalhub(
        "eval", "status", "--format", "json", "--status", "completed", "--limit", "500", "--provider", "plain"
    ).data
    assert going not in [each["id"] for each in running]
    assert f"State:   {server.job(done)['status']['state']}" in evalhub("eval", "status", done).out
    assert evalhub("eval", "cancel", going, "--yes").out == f"Job {going} cancelled.\n"


def test_eval_status_watch_ends_with_the_job(evalhub: EvalhubCommand, server: Server) -> None:
    going = server.submit(plain(sleep=1, acc=1))
    watched = evalhub("eval", "status", going, "--watch", "--poll-interval", "0.2")
    assert "completed" in watched.out + watched.err


def test_eval_logs_has_its_options(evalhub: EvalhubCommand) -> None:
    done = run(evalhub, plain(say="one", acc=1), plain(say="two", acc=1))["resource"]["id"]
    assert evalhub("eval", "logs", done, "--benchmark-index", "1").out.split() == ["two", "end"]
    assert evalhub("eval", "logs", done, "--benchmark-index", "0", "--tail", "1").out.split() == ["end"]
    assert evalhub("eval", "logs", done, "--since", "3600").out.count("end") == 2
    timed = evalhub("eval", "logs", done, "--benchmark-index", "0", "--timestamps").out.splitlines()
    assert [line.split(" ", 1)[1] for line in timed] == ["one", "end"]
    followed = evalhub("eval", "logs", done, "--follow", "--poll-interval", "0.2", "--benchmark-index", "0")
    assert followed.out.split() == ["one", "end"]


def test_eval_cancel_cancels_refuses_and_deletes(evalhub: EvalhubCommand, server: Server) -> None:
    going = server.submit({"id": "z", "provider_id": "sleeper"})
    evalhub("eval", "cancel", going, "--yes")
    assert evalhub("eval", "status", going, "--format", "json").data[0]["status"]["state"] == "cancelled"
    done = run(evalhub, plain(acc=1))["resource"]["id"]
    refused = evalhub("eval", "cancel", done, "--yes", code=1)
    assert f"The job {done} can not be cancelled because it is 'completed'." in refused.err
    assert evalhub("eval", "cancel", done, "--hard-delete", "--yes").out == f"Job {done} deleted.\n"
    assert "404" in evalhub("eval", "status", done, code=1).err


def test_providers_are_listed_described_made_replaced_patched_and_deleted(evalhub: EvalhubCommand) -> None:
    assert "plain" in [each["resource"]["id"] for each in evalhub("providers", "list", "--format", "json").data]
    assert "Provider: Plain adapter" in evalhub("providers", "describe", "plain").out
    spec = {"name": "cli-made", "title": "T", "benchmarks": [{"id": "q", "name": "Q", "category": "c"}]}
    made = evalhub("providers", "create", "--file", written(evalhub.home, "p.yaml", spec), "--format", "json").data[0]
    own = made["resource"]["id"]
    replaced = written(evalhub.home, "r.yaml", spec | {"name": "replaced"})
    assert evalhub("providers", "update", own, "--file", replaced, "--format", "json").data[0]["name"] == "replaced"
    patch = written(evalhub.home, "patch.yaml", {"description": "patched"})
    patched = evalhub("providers", "patch", own, "--file", patch, "--format", "json").data[0]
    assert (patched["name"], patched["description"]) == ("replaced", "patched")
    assert evalhub("providers", "delete", own, "--yes").out == f"Provider {own} deleted.\n"
    assert "404" in evalhub("providers", "describe", own, code=1).err


def test_collections_are_listed_described_made_replaced_patched_run_and_deleted(evalhub: EvalhubCommand) -> None:
    assert "mini" in [each["id"] for each in evalhub("collections", "list", "--format", "json", "--tag", "demo").data]
    assert "Pass threshold: 0.6" in evalhub("collections", "describe", "mini").out
    entry = {"id": "a", "provider_id": "plain", "weight": 1.0, "parameters": {"acc": 0.75}}
    spec = {"name": "cli-made", "description": "d", "category": "c", "benchmarks": [entry]}
    made = evalhub("collections", "create", "--file", written(evalhub.home, "c.yaml", spec)).out
    own = made.split()[-1]
    replaced = written(evalhub.home, "r.yaml", spec | {"name": "replaced"})
    assert evalhub("collections", "update", own, "--file", replaced, "--format", "json").data[0]["name"] == "replaced"
    patch = written(evalhub.home, "patch.yaml", {"tags": ["t"]})
    patched = evalhub("collections", "patch", own, "--file", patch, "--format", "json").data[0]
    assert (patched["name"], patched["tags"]) == ("replaced", ["t"])
    named = ("--model-url", "http://127.0.0.1:9/v1", "--model-name", "m", "--wait", "--poll-interval", "0.1")
    done = evalhub("collections", "run", own, *named, "--timeout", "60", "--format", "json").data[0]
    assert [each["metrics"] for each in done["results"]["benchmarks"]] == [{"acc": 0.75}]
    assert evalhub("collections", "delete", own, "--yes").out == f"Collection {own} deleted.\n"


def test_two_commands_at_once_each_wait_for_their_own_job(evalhub: EvalhubCommand) -> None:
    texts = []
    for number in (1, 2):
        home = evalhub.home / str(number)
        home.mkdir()
        one = EvalhubCommand(evalhub.sdk, home, evalhub.url)
        config = written(home, "job.yaml", job(plain(acc=number / 4, sleep=0.5)))
        texts.append((one, one.begin("eval", "run", "--config", config, *WAITING)))
    assert [process.wait(90) for _, process in texts] == [0, 0]
    found = [
        json.loads("[" + (one.home / "output").read_text().split("[", 1)[1].rsplit("]", 1)[0] + "]") for one, _ in texts
    ]
    assert [jobs[0]["results"]["benchmarks"][0]["metrics"] for jobs in found] == [{"acc": 0.25}, {"acc": 0.5}]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A home that also the account which runs Postgres may enter."""
    home = opened()
    yield home
    shutil.rmtree(home, ignore_errors=True)


def test_server_run_starts_this_server_with_its_single_dash_flags(sdk: SdkEnvironment, folder: Path) -> None:
    """The command wants a package and a sidecar of EvalHub's as well: both are stood in for, nothing here uses them."""
    metadata = folder / "eval_hub_server-1.0.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: eval-hub-server\nVersion: 1.0.2\n")
    sidecar = folder / "sidecar"
    sidecar.write_text(SIDECAR.format(python=sys.executable))
    sidecar.chmod(0o755)
    stand_ins = {"EVALHUB_SERVER_BIN": str(SERVER), "EVALHUB_SIDECAR_BIN": str(sidecar), "PYTHONPATH": str(folder)}
    seen = Server(home=folder, port=free_port())
    evalhub = EvalhubCommand(sdk, folder, seen.url, seen.variables | stand_ins)
    config = written(folder, "server.yaml", {"service": {"port": seen.port}, "evallab": {"parallel": 3}})
    evalhub("config", "set", "server_config_file", config)
    directory = folder / ".config" / "evalhub" / "server" / "default"
    (configured(folder / "config") / "providers").rename(directory / "providers")
    seen.process = evalhub.begin("server", "run", output=seen.log)
    try:
        seen.until(seen._healthy, what="the server that evalhub runs")
        assert "Health: healthy" in evalhub("server", "status").out
        assert "sidecar" in (directory / "config.yaml").read_text()  # written by the command, of no effect here
        assert run(evalhub, plain(acc=0.5))["status"]["state"] == "completed"
    finally:
        os.killpg(seen.process.pid, signal.SIGINT)
        seen.process.wait(60)
