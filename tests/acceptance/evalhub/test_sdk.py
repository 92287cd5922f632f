"""The public `eval-hub-sdk` 1.0.6 against this server: its Python clients and adapters written with it.

Every test with `client` runs with the synchronous and with the asynchronous client.
"""

import subprocess
import sys
from contextlib import closing

import pytest
from tests.acceptance.evalhub.conftest import Start
from tests.acceptance.evalhub.running import JOBS, Server
from tests.acceptance.evalhub.sdk_client import SdkClient, SdkFailure
from tests.acceptance.evalhub.sdk_environment import SdkEnvironment

MODEL = {"url": "http://127.0.0.1:9/v1", "name": "m"}
PROVIDER = {"name": "mine", "title": "Mine", "benchmarks": [{"id": "q", "name": "Q", "category": "c"}]}
COLLECTION = {"name": "set", "category": "x", "benchmarks": [{"id": "a", "provider_id": "plain", "weight": 2.0}]}
CREATED = {"message": "Evaluation job created", "message_code": "evaluation_job_created", "message_origin": "server"}
CANCELLED = {
    "message": "Evaluation job cancelled",
    "message_code": "evaluation_job_cancelled",
    "message_origin": "server",
}
WARNING = {"message": "just a warning", "message_code": "tiny_warning", "message_origin": "adapter"}


def plain(**parameters: object) -> dict[str, object]:
    return {"id": "a", "provider_id": "plain", "parameters": parameters}


def tiny(benchmark: str = "q", **parameters: object) -> dict[str, object]:
    return {"id": benchmark, "provider_id": "sdk", "parameters": parameters}


def asked(*benchmarks: dict[str, object], **more: object) -> dict[str, object]:
    return {"name": "sdk job", "model": MODEL, "benchmarks": list(benchmarks), **more}


def submitted(client: SdkClient, *benchmarks: dict[str, object], **more: object) -> str:
    return str(client("jobs.submit", request=asked(*benchmarks, **more))["resource"]["id"])


def finished(client: SdkClient, job_id: str) -> dict[str, object]:
    job: dict[str, object] = client("jobs.wait_for_completion", job_id, timeout=60, poll_interval=0.1)
    return job


def state(client: SdkClient, job_id: str) -> str:
    return str(client("jobs.get", job_id)["status"]["state"])


def filed(client: SdkClient, status: str) -> list[str]:
    return [each["resource"]["id"] for each in client("jobs.list", status=status)]


def test_health_answers_the_client(client: SdkClient) -> None:
    assert client("health")["status"] == "healthy"


def test_a_submitted_job_is_pending_and_says_what_was_asked(client: SdkClient) -> None:
    more = {"description": "d", "tags": ["a", "b"], "queue": {"name": "evals"}}
    job = client("jobs.submit", request=asked(plain(acc=0.5, nested={"k": [1, 2.5, None]}), **more))
    assert (job["status"]["state"], job["status"]["message"]) == ("pending", CREATED)
    asked_for = {"name": "sdk job", "description": "d", "tags": ["a", "b"]}
    assert {name: job[name] for name in asked_for} == asked_for
    assert (job["model"]["url"], job["model"]["name"], job["queue"]["name"]) == (MODEL["url"], "m", "evals")
    (benchmark,) = job["benchmarks"]
    assert benchmark["parameters"] == {"acc": 0.5, "nested": {"k": [1, 2.5, None]}}
    assert finished(client, job["resource"]["id"])["benchmarks"] == job["benchmarks"]


def test_waiting_returns_the_results_of_every_benchmark(client: SdkClient) -> None:
    job_id = submitted(client, plain(acc=0.5, sleep=0.5), plain(acc=0.25, kind="text", flag=True))
    job = finished(client, job_id)
    assert state(client, job_id) == "completed"
    results = job["results"]["benchmarks"]  # type: ignore[index]
    assert [each["metrics"] for each in results] == [{"acc": 0.5}, {"acc": 0.25, "kind": "text", "flag": True}]
    assert [each["benchmark_index"] for each in results] == [0, 1]


def test_a_job_half_done_is_not_taken_for_finished(client: SdkClient) -> None:
    job_id = submitted(client, plain(acc=1), plain(acc=1, sleep=2))
    job = finished(client, job_id)
    assert [each["status"] for each in job["status"]["benchmarks"]] == ["completed", "completed"]  # type: ignore[index]


def test_waiting_has_a_time_limit(client: SdkClient) -> None:
    job_id = submitted(client, plain(acc=1, sleep=30))
    with pytest.raises(SdkFailure, match="TimeoutError"):
        client("jobs.wait_for_completion", job_id, timeout=0.2, poll_interval=0.1)
    assert client("jobs.cancel", job_id) is True


def test_jobs_are_listed_newest_first_and_by_status(client: SdkClient, server: Server) -> None:
    ended = [submitted(client, plain(acc=1)) for _ in range(2)]
    for job_id in ended:
        finished(client, job_id)
    going = submitted(client, plain(acc=1, sleep=30))
    listed = [each["resource"]["id"] for each in client("jobs.list")]
    assert listed[:3] == [going, *reversed(ended)]
    assert len(client("jobs.list", limit=2)) == 2
    server.until(lambda: filed(client, "completed")[:2] == list(reversed(ended)), what="the ended jobs to be filed")
    assert going not in filed(client, "completed")
    client("jobs.cancel", going)


def test_cancelling_is_seen_at_once_and_may_be_repeated(client: SdkClient) -> None:
    job_id = submitted(client, {"id": "z", "provider_id": "sleeper"})
    assert client("jobs.cancel", job_id) is True
    job = client("jobs.get", job_id)
    assert (job["status"]["state"], job["status"]["message"]) == ("cancelled", CANCELLED)
    (benchmark,) = job["status"]["benchmarks"]
    assert (benchmark["status"], benchmark["error_message"]) == ("cancelled", CANCELLED)
    assert client("jobs.cancel", job_id) is True


def test_what_is_over_cannot_be_cancelled_and_says_so(client: SdkClient) -> None:
    job_id = submitted(client, plain(acc=1, say="kept"))
    finished(client, job_id)
    with pytest.raises(SdkFailure) as failure:
        client("jobs.cancel", job_id)
    assert failure.value.kind == "JobCanNotBeCancelledError"
    assert failure.value.reason == f"The job {job_id} can not be cancelled because it is 'completed'."
    assert "kept" in client("jobs.get_logs", job_id)


def test_a_hard_deleted_job_is_gone(client: SdkClient) -> None:
    job_id = submitted(client, plain(acc=1))
    finished(client, job_id)
    assert client("jobs.cancel", job_id, hard_delete=True) is True
    with pytest.raises(SdkFailure, match="404"):
        client("jobs.get", job_id)
    with pytest.raises(SdkFailure, match="JobNotFoundError"):
        client("jobs.cancel", job_id, hard_delete=True)
    assert job_id not in [each["resource"]["id"] for each in client("jobs.list")]


def test_a_running_job_that_is_hard_deleted_gives_its_place_to_the_next(start: Start, sdk: SdkEnvironment) -> None:
    server = start(arguments=("--parallel", "1"))
    with closing(SdkClient(sdk, "sync", server.url)) as client:
        running = submitted(client, {"id": "z", "provider_id": "sleeper"})
        server.until(lambda: state(client, running) == "running", what="the job to run")
        client("jobs.cancel", running, hard_delete=True)
        assert finished(client, submitted(client, plain(acc=1)))["status"]["state"] == "completed"  # type: ignore[index]


def test_logs_of_a_job_and_of_a_benchmark(client: SdkClient) -> None:
    job_id = submitted(client, plain(acc=1, say="first"), plain(acc=1, say="second"))
    finished(client, job_id)
    heads = [f"=== pod={job_id}-{index} container=local benchmark_id=a ===" for index in (0, 1)]
    assert client("jobs.get_logs", job_id) == f"{heads[0]}\nfirst\nend\n{heads[1]}\nsecond\nend"
    assert client("jobs.get_logs", job_id, benchmark_index=1) == "second\nend"
    assert client("jobs.get_logs", job_id, benchmark_index=1, options={"tail_lines": 1}) == "end"
    timed = client("jobs.get_logs", job_id, benchmark_index=0, options={"timestamps": True}).splitlines()
    assert [line.split(" ", 1)[1] for line in timed] == ["first", "end"]
    assert client("jobs.get_logs", job_id, options={"since_seconds": 3600}).count("end") == 2


def test_watching_logs_gives_every_line_once(client: SdkClient) -> None:
    job_id = submitted(client, plain(acc=1, say="begun", sleep=1.5))
    updates = client("jobs.watch_logs", job_id, benchmark_index=0, poll_interval=0.2, timeout=60)
    assert "".join(each["logs"] for each in updates).split() == ["begun", "end"]
    assert updates[-1]["state"] == "completed"


def test_a_provider_is_made_read_replaced_patched_and_deleted(client: SdkClient) -> None:
    made = client("providers.create", PROVIDER)
    own = made["resource"]["id"]
    assert client("providers.get", own) == made
    assert own in [each["resource"]["id"] for each in client("providers.list")]
    assert client("providers.update", own, PROVIDER | {"name": "put"})["name"] == "put"
    patched = client(
        "providers.patch", own, {"description": "merged"}
    )  # a merge: EvalHub's server refuses its client's
    assert (patched["name"], patched["description"]) == ("put", "merged")
    client("providers.delete", own)
    with pytest.raises(SdkFailure, match="404"):
        client("providers.get", own)


def test_a_collection_is_made_read_replaced_patched_and_deleted(client: SdkClient) -> None:
    made = client("collections.create", COLLECTION | {"description": "", "tags": ["t"]})
    own = made["resource"]["id"]
    assert client("collections.get", own) == made
    assert own in [each["resource"]["id"] for each in client("collections.list")]
    assert client("collections.update", own, COLLECTION | {"name": "put"})["name"] == "put"
    patched = client("collections.patch", own, {"tags": ["x"]})
    assert (patched["name"], patched["tags"]) == ("put", ["x"])
    job_id = client("jobs.submit", request={"name": "c", "model": MODEL, "collection": {"id": own}})["resource"]["id"]
    assert finished(client, job_id)["collection"]["id"] == own  # type: ignore[index]
    client("collections.delete", own)
    with pytest.raises(SdkFailure, match="404"):
        client("collections.get", own)


def test_what_comes_with_the_configuration_cannot_be_changed(client: SdkClient) -> None:
    for method, *given in (("providers.update", "plain", PROVIDER), ("collections.delete", "mini")):
        with pytest.raises(SdkFailure, match="400"):
            client(method, *given)
    assert client("providers.get", "plain")["name"] == "Plain adapter"


def test_benchmarks_are_those_of_the_providers(client: SdkClient) -> None:
    assert [each["id"] for each in client("benchmarks.list", provider_id="plain")] == ["a", "b", "nested/one:two"]
    assert [each["id"] for each in client("benchmarks.list", provider_id="plain", category="safety")] == ["b"]
    assert len(client("benchmarks.list", limit=3)) == 3


def test_mistakes_come_back_as_the_clients_exceptions(client: SdkClient) -> None:
    with pytest.raises(SdkFailure, match="404"):
        client("jobs.submit", request=asked({"id": "x", "provider_id": "nowhere"}))
    with pytest.raises(SdkFailure, match="400"):
        client("jobs.submit", request=asked({"id": "unknown", "provider_id": "plain"}))
    with pytest.raises(SdkFailure, match="404"):
        client("jobs.get_logs", "no-such-job")


def test_an_adapter_written_with_the_sdk_runs_to_its_results(client: SdkClient) -> None:
    job_id = submitted(client, tiny(acc=0.9, num_examples=7, deep={"k": [1]}), tiny("r", acc=0.4))
    job = finished(client, job_id)
    assert job["status"]["state"] == "completed"  # type: ignore[index]
    first, second = job["results"]["benchmarks"]  # type: ignore[index]
    assert (first["metrics"], second["metrics"]) == (
        {"acc": 0.9, "note": "text-metric"},
        {"acc": 0.4, "note": "text-metric"},
    )
    assert first["additional_info"] == {"zero_shot": True}
    assert first["artifacts"]["evalhub.env_card"]["python_version"]
    log = client("jobs.get_logs", job_id, benchmark_index=0)
    assert '"num_examples": 7, "parameters": {"acc": 0.9, "deep": {"k": [1]}}' in log
    assert log.count("HTTP/1.1 204 No Content") == 3
    assert log.splitlines()[-1] == "EVALUATION COMPLETE"


def test_phases_and_warnings_of_an_sdk_adapter_are_seen_while_it_runs(server: Server, client: SdkClient) -> None:
    job_id = submitted(client, tiny(sleep=20))
    wanted = lambda: server.job(job_id)["status"]["benchmarks"][0].get("phase") == "running_evaluation"  # noqa: E731
    server.until(wanted, what="the phase")
    seen = server.job(job_id)["status"]["benchmarks"][0]
    assert (seen["status"], seen["warning_message"]) == ("running", WARNING)
    client("jobs.cancel", job_id)
    assert state(client, job_id) == "cancelled"
    assert "JOBSPEC" in client("jobs.get_logs", job_id)


def test_the_failure_that_an_sdk_adapter_reports_is_the_jobs(client: SdkClient) -> None:
    job = finished(client, submitted(client, tiny(fail=True)))
    failed = {"message": "adapter said no", "message_code": "tiny_failed", "message_origin": "adapter"}
    assert job["status"]["state"] == "failed"  # type: ignore[index]
    assert job["status"]["benchmarks"][0]["error_message"] == failed  # type: ignore[index]
    text = "Evaluation job is failed. \nBenchmark q failed with message: adapter said no\n"
    assert job["status"]["message"]["message"] == text  # type: ignore[index]


def test_two_clients_at_once_do_not_mix_their_jobs(server: Server, sdk: SdkEnvironment) -> None:
    with closing(SdkClient(sdk, "sync", server.url)) as one, closing(SdkClient(sdk, "async", server.url)) as other:
        clients = (one, other)
        mine = [[submitted(each, plain(acc=number / 10, sleep=0.2)) for number in range(5)] for each in clients]
        for each, jobs in zip(clients, mine, strict=True):
            each.begin("jobs.wait_for_completion", jobs[-1], timeout=60, poll_interval=0.1)
        assert [each.result()["status"]["state"] for each in clients] == ["completed", "completed"]
        for each, jobs in zip(clients, mine, strict=True):
            found = [finished(each, job_id)["results"]["benchmarks"][0]["metrics"] for job_id in jobs]  # type: ignore[index]
            assert found == [{"acc": number / 10} for number in range(5)]


def test_a_tenants_jobs_are_its_own(client: SdkClient, server: Server) -> None:
    own = client("jobs.submit", request=asked(plain(acc=1)), tenant="team-a")
    assert own["resource"]["tenant"] == "team-a"
    job_id = own["resource"]["id"]
    assert job_id in [each["resource"]["id"] for each in client("jobs.list", tenant="team-a")]
    assert job_id not in [each["resource"]["id"] for each in client("jobs.list", tenant="team-b")]
    with pytest.raises(SdkFailure, match="404"):
        client("jobs.get", job_id, tenant="team-b")
    assert server.get(f"{JOBS}/{job_id}").status == 200


def test_the_environment_of_the_client_is_complete_and_pinned(sdk: SdkEnvironment) -> None:
    code = "import importlib.metadata as m; print(m.version('eval-hub-sdk'))"
    done = subprocess.run([str(sdk.python), "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1.0.6"
    assert str(sdk.python) != sys.executable
