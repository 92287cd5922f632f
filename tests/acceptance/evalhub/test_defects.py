"""What EvalHub 1.0.2 loses or gets wrong, each defect with a test that it is not so here.

Numbers are those of docs/reference/evalhub-compatibility.md. 16 and 17 are about clusters.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.evalhub.conftest import Start
from tests.acceptance.evalhub.running import JOBS, Server

COLLECTIONS = "/api/v1/evaluations/collections"
PROVIDERS = "/api/v1/evaluations/providers"


def plain(benchmark: str = "a", **parameters: object) -> dict[str, object]:
    return {"id": benchmark, "provider_id": "plain", "parameters": parameters}


def error(job: dict[str, object], index: int = 0) -> dict[str, str]:
    return job["status"]["benchmarks"][index]["error_message"]  # type: ignore[index,no-any-return]


@pytest.mark.parametrize(
    ("benchmark", "said"),
    [
        ({"id": "x", "provider_id": "missing"}, "was not found"),
        ({"id": "t", "provider_id": "truep"}, "code 0 but reported no result"),
        (plain(crash=3), "exited with code 3 without a result"),
        (plain(crash=137), "ended by signal 9"),
    ],
)
def test_01_every_exit_is_seen(server: Server, benchmark: dict[str, object], said: str) -> None:
    more = {"custom": {"evallab": {"retries": 0}}}
    job = server.finished(server.submit(benchmark, **more))
    assert job["status"]["state"] == "failed"
    assert said in error(job)["message"]
    assert (error(job)["message_code"], error(job)["message_origin"]) == ("RUNTIME_FAILURE", "runtime")


def test_02_no_more_run_at_once_than_there_are_places(start: Start) -> None:
    server = start(extra="  jobs: {max_queued: 2}\n", arguments=("--parallel", "1"))
    first = server.submit(plain(sleep=300, acc=1))
    server.until(lambda: server.job(first)["status"]["state"] == "running", what="the first job to run")
    second, third = server.submit(plain(acc=1)), server.submit(plain(acc=1), custom={"evallab": {"priority": 5}})
    places = [server.job(each)["status"]["queue"]["position"] for each in (second, third)]
    assert places == [2, 1]  # the more urgent one goes first
    refused = server.request(
        "POST", JOBS, {"name": "x", "model": {"url": "http://x/", "name": "m"}, "benchmarks": [plain()]}
    )
    assert (refused.status, refused.body["message_code"]) == (429, "queue_full")
    assert server.request("DELETE", f"{JOBS}/{first}").status == 204
    assert [server.finished(each)["status"]["state"] for each in (second, third)] == ["completed", "completed"]


def test_03_time_limits_and_retries_and_resumption(server: Server, tmp_path: Path) -> None:
    limited = server.submit(plain(sleep=300), custom={"evallab": {"timeout_seconds": 1, "retries": 0}})
    retried = server.submit(plain(once=str(tmp_path / "made"), acc=0.5))
    assert "longer than its time limit" in error(server.finished(limited))["message"]
    job = server.finished(retried)
    assert (job["status"]["state"], job["status"]["benchmarks"][0]["attempt"]) == ("completed", 2)
    resumed = server.submit(
        plain(acc=1), plain(once=str(tmp_path / "again"), acc=1), custom={"evallab": {"retries": 0}}
    )
    assert server.finished(resumed)["status"]["state"] == "partially_failed"
    assert server.request("POST", f"{JOBS}/{resumed}/resume").status == 202
    job = server.finished(resumed)
    assert [each["attempt"] for each in job["status"]["benchmarks"]] == [1, 2]
    assert job["status"]["state"] == "completed"


def test_04_a_restart_loses_nothing(start: Start) -> None:
    server = start(extra="  rest: {local_commands: true}\n")
    made = server.request(
        "POST",
        PROVIDERS,
        {"name": "mine", "runtime": {"local": {"command": "true"}}, "benchmarks": [{"id": "q", "name": "Q"}]},
    )
    ended, going = server.submit(plain(acc=0.9)), server.submit(plain(sleep=3, acc=0.8))
    server.finished(ended)
    server.until(lambda: server.job(going)["status"]["state"] == "running", what="the job to run")
    before = server.job(ended)
    server.kill()
    server.start()
    assert server.job(ended) == before
    job = server.finished(going)
    assert (job["status"]["state"], job["status"]["benchmarks"][0]["attempt"]) == (
        "completed",
        1,
    )  # adopted, not repeated
    assert server.get(f"{PROVIDERS}/{made.body['resource']['id']}").body["name"] == "mine"


def test_05_jobs_go_on_while_the_server_is_away_and_end_with_the_next(start: Start) -> None:
    server = start()
    going = server.submit(plain(sleep=2, acc=0.8))
    server.until(lambda: server.job(going)["status"]["state"] == "running", what="the job to run")
    server.stop()
    time.sleep(3)  # the adapter posts its result, exactly once, to a server that is not there
    server.start()
    job = server.finished(going)
    assert job["results"]["benchmarks"][0]["metrics"] == {"acc": 0.8}
    assert job["status"]["benchmarks"][0]["attempt"] == 1


def test_06_cancelling_ends_the_whole_tree_and_keeps_the_logs(server: Server) -> None:
    job_id = server.submit({"id": "z", "provider_id": "sleeper"})
    server.until(lambda: "started" in server.get(f"{JOBS}/{job_id}/logs").text, what="the adapter to begin")
    mine = processes_of(job_id)
    assert server.request("DELETE", f"{JOBS}/{job_id}").status == 204
    assert server.job(job_id)["status"]["state"] == "cancelled"
    assert server.request("DELETE", f"{JOBS}/{job_id}").status == 204
    server.until(lambda: not [pid for pid in mine if alive(pid)], what="the processes to end")
    assert "started" in server.get(f"{JOBS}/{job_id}/logs").text
    done = server.submit(plain(acc=1, say="words to keep"))
    server.finished(done)
    refused = server.request("DELETE", f"{JOBS}/{done}")
    assert (refused.status, refused.body["message"]) == (
        409,
        f"The job {done} can not be cancelled because it is 'completed'.",
    )
    assert "words to keep" in server.get(f"{JOBS}/{done}/logs").text


def test_07_a_result_posted_once_survives_the_server(start: Start) -> None:
    server = start()
    going = server.submit(plain(sleep=1.5, acc=0.25))
    server.until(lambda: server.job(going)["status"]["state"] == "running", what="the job to run")
    server.kill()
    time.sleep(2.5)
    server.start()
    assert server.finished(going)["results"]["benchmarks"][0]["metrics"] == {"acc": 0.25}


def test_08_times_progress_and_what_was_said_before_stay(server: Server) -> None:
    job_id = server.submit({"id": "z", "provider_id": "sleeper"})
    named = {"provider_id": "sleeper", "id": "z"}
    warning = {"message": "careful", "message_code": "w", "message_origin": "adapter"}
    said: list[dict[str, Any]] = [
        {
            "status": "running",
            "phase": "loading_data",
            "started_at": "2026-01-01T00:00:00Z",
            "warning_message": warning,
        },
        {"status": "running", "progress": {"done": 3, "total": 10}},
        {"status": "pending"},
    ]
    assert [server.event(job_id, **named, **each).status for each in said] == [204, 204, 204]
    seen = server.until(lambda: _with_progress(server.job(job_id)), what="progress")
    assert seen["status"] == "running"
    assert (seen["phase"], seen["warning_message"], seen["started_at"]) == (
        "loading_data",
        warning,
        "2026-01-01T00:00:00Z",
    )
    assert seen["progress"] == {"done": 3, "total": 10}
    assert server.request("DELETE", f"{JOBS}/{job_id}").status == 204
    job = server.finished(server.submit(plain(acc=1)))
    assert {"started_at", "completed_at", "duration_seconds"} <= job["status"].keys()
    assert {"started_at", "completed_at", "duration_seconds"} <= job["status"]["benchmarks"][0].keys()


def _with_progress(job: dict[str, object]) -> dict[str, object] | None:
    first = job["status"]["benchmarks"][0]  # type: ignore[index]
    return first if "progress" in first else None


def test_09_scores_are_weighted_by_what_they_mean(server: Server) -> None:
    job = server.finished(server.submit(plain(acc=0.9), plain("b", loss=0.2), plain(acc=0.1)))
    tests = [each.get("test") for each in job["results"]["benchmarks"]]
    assert tests == [
        {"primary_score": 0.9, "primary_score_metric": "acc", "threshold": 0.25, "pass": True},
        {"primary_score": 0.2, "primary_score_metric": "loss", "threshold": 0.25, "pass": True},
        {"primary_score": 0.1, "primary_score_metric": "acc", "threshold": 0.25, "pass": False},
    ]
    assert job["results"]["test"] == {"score": pytest.approx(0.6, abs=1e-12), "threshold": 0.5, "pass": True}
    partly = server.finished(server.submit(plain(acc=0.9), plain(fail="no")))
    assert partly["results"]["test"] == {"score": 0.9, "threshold": 0.5, "pass": False, "missing": [1]}
    odd = server.finished(server.submit(plain("b", loss=3.5)))
    assert "cannot be averaged" in odd["results"]["test_unavailable"]


def test_10_a_collection_is_what_it_was_when_the_job_was_made(start: Start) -> None:
    server = start(arguments=("--parallel", "1"))
    clone = server.request("POST", f"{COLLECTIONS}/mini/clones", {}).body["resource"]["id"]
    blocking = server.submit(plain(sleep=3, acc=1))
    overrides = [{"id": "a", "provider_id": "plain", "parameters": {"acc": 0.1, "extra": "x"}}]
    body = {
        "name": "c",
        "model": {"url": "http://127.0.0.1:9/v1", "name": "m"},
        "collection": {"id": clone, "benchmarks": overrides},
    }
    job_id = server.request("POST", JOBS, body).body["resource"]["id"]
    assert server.request("DELETE", f"{COLLECTIONS}/{clone}").status == 204
    assert server.finished(blocking)["status"]["state"] == "completed"
    job = server.finished(job_id)
    first, second = job["results"]["benchmarks"]
    assert first["metrics"] == {"acc": 0.1, "extra": "x"}  # the job's parameters win
    assert second["metrics"] == {"loss": 0.2}  # and do not leak to the provider's other benchmark


def test_11_lists_are_newest_first_and_their_links_end(server: Server) -> None:
    made = [server.submit(plain(acc=1), name=f"paged-{number}", tags=["paged"]) for number in range(5)]
    path, seen, pages = f"{JOBS}?tags=paged&limit=2", [], []
    while path:
        page = server.get(path).body
        seen += [each["resource"]["id"] for each in page["items"]]
        pages.append(page["first"]["href"])
        path = page.get("next", {}).get("href")
    assert seen == made[::-1]
    assert set(pages[1:]) == {f"{JOBS}?tags=paged&limit=2"}
    whole = server.get(f"{JOBS}?tags=paged&limit=0").body
    assert ("next" in whole, len(whole["items"]), whole["total_count"]) == (False, 5, 5)


def test_12_what_would_break_clients_is_refused(start: Start) -> None:
    server = start(extra="  rest: {local_commands: true}\n")
    bad = [{"benchmarks": [{"name": "no id"}]}, {"name": "x", "benchmarks": [{"id": "q"}, {"id": "q"}]}]
    assert [server.request("POST", PROVIDERS, each).status for each in bad] == [400, 400]
    clone = server.request("POST", f"{COLLECTIONS}/mini/clones", {}).body["resource"]["id"]
    emptied = [{"op": "replace", "path": "/benchmarks", "value": []}]
    assert server.request("PATCH", f"{COLLECTIONS}/{clone}", emptied).status == 400
    listed = server.get(PROVIDERS).body["items"]
    assert all(isinstance(each["benchmarks"], list) and "category" in b for each in listed for b in each["benchmarks"])


def test_13_cluster_settings_and_both_kinds_of_patch_are_kept(server: Server) -> None:
    runtime = {"k8s": {"image": "i:1", "cpu_request": "1", "memory_limit": "2Gi"}}
    made = server.request(
        "POST", PROVIDERS, {"name": "p", "runtime": runtime, "benchmarks": [{"id": "q", "name": "Q"}]}
    )
    kept = made.body["runtime"]["k8s"]
    assert (kept["CPURequest"], kept["cpu_request"], kept["memory_limit"]) == ("1", "1", "2Gi")
    path = f"{PROVIDERS}/{made.body['resource']['id']}"
    assert server.request("PATCH", path, {"name": "merged"}).body["name"] == "merged"
    assert server.request("PATCH", path, [{"op": "replace", "path": "/name", "value": "op"}]).body["name"] == "op"


def test_14_logs_have_times_bounds_and_an_end_to_follow(server: Server) -> None:
    job_id = server.submit(plain(say="first words", sleep=2, acc=1))
    followed = server.get(f"{JOBS}/{job_id}/benchmarks/0/logs?follow=true").text
    assert [line for line in followed.splitlines() if line] == ["first words", "end"]
    timed = server.get(f"{JOBS}/{job_id}/benchmarks/0/logs?timestamps=true").text.splitlines()
    assert all(line.startswith("20") and "Z " in line for line in timed)
    recent = server.get(f"{JOBS}/{job_id}/benchmarks/0/logs?since_seconds=1").text
    assert "first words" not in recent
    missing = server.get(f"{JOBS}/{job_id}/benchmarks/7/logs")
    assert (missing.status, missing.body["message_code"]) == (404, "resource_not_found")


def test_15_the_api_describes_itself_offline(server: Server) -> None:
    assert server.get("/openapi.yaml").text.startswith("openapi:")
    assert server.get("/openapi.yaml", Accept="application/json").body["openapi"].startswith("3.")
    page = server.get("/docs").text
    assert (
        "http://" not in page.replace("http://127.0.0.1", "").replace("http://localhost", "")
        or "<script src" not in page
    )
    assert server.get("/api/v1/version").body["version"]
    preflight = server.request(
        "OPTIONS", JOBS, headers={"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status == 204
    assert {"X-Tenant", "X-User"} <= set(preflight.headers["access-control-allow-headers"].split(", "))


def test_18_repeated_posts_make_one_job_and_changes_can_be_followed(server: Server) -> None:
    body = {"name": "once", "model": {"url": "http://127.0.0.1:9/v1", "name": "m"}, "benchmarks": [plain(acc=1)]}
    key = {"Idempotency-Key": "one"}
    answers = [server.request("POST", JOBS, body, headers=key) for _ in range(3)]
    assert [each.status for each in answers] == [202, 202, 202]
    assert len({each.body["resource"]["id"] for each in answers}) == 1
    assert server.request("POST", JOBS, body | {"name": "other"}, headers=key).status == 422
    job_id = answers[0].body["resource"]["id"]
    server.finished(job_id)
    stream = server.get(f"{JOBS}/{job_id}/stream").text
    assert "event: status" in stream
    assert stream.rstrip().splitlines()[-2:][0].startswith(("event: end", "id:", "data:"))
    for part in ("scores", "artifacts", "comparisons", "benchmarks/0/samples"):
        assert "total_count" in server.get(f"{JOBS}/{job_id}/{part}").body


def test_19_adapters_see_only_what_they_need(start: Start) -> None:
    server = start(extra="  rest: {local_commands: true}\n")
    command = {"local": {"command": "env; ulimit -c; sleep 0.2"}}
    made = server.request(
        "POST", PROVIDERS, {"name": "env", "runtime": command, "benchmarks": [{"id": "q", "name": "Q"}]}
    )
    job_id = server.submit({"id": "q", "provider_id": made.body["resource"]["id"]}, custom={"evallab": {"retries": 0}})
    server.finished(job_id)
    seen = server.get(f"{JOBS}/{job_id}/benchmarks/0/logs").text.splitlines()
    assert not [line for line in seen if "never-shown" in line or line.startswith("EVALLAB_DATABASE")]
    assert any(line.startswith("EVALHUB_AUTH_TOKEN_PATH=") for line in seen), seen
    assert "0" in seen  # no core files


def test_20_there_is_an_adapter_that_works(server: Server) -> None:
    listed = {each["resource"]["id"]: each for each in server.get(f"{PROVIDERS}?limit=0").body["items"]}
    assert "lm_evaluation_harness" in listed
    assert "evallab_adapters" in listed["lm_evaluation_harness"]["runtime"]["local"]["command"]


def processes_of(job_id: str) -> list[int]:
    """Return the processes whose environment names a job."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and job_id.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIG_DFL)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1]
    except (OSError, ValueError):
        return False
