"""Adapters get what they need and no more: environment, limits, a token of their own, directories that are theirs."""

import json
import os
import resource
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.acceptance.evalhub.conftest import Start
from tests.acceptance.evalhub.hostile import COLLECTIONS, PROVIDERS, job, refused, served
from tests.acceptance.evalhub.running import JOBS, Answer, Server

NO_RETRY = {"evallab": {"retries": 0}}
GIB = 2**30
LIMITS = f"  adapter_limits: {{nofile: 64, as: {4 * GIB}, nproc: 4000}}\n"
SEES = """\
import json, mmap, os, resource
named = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in ("CORE", "AS", "NOFILE", "NPROC")}
opened = 0
try:
    while opened < 1000:
        os.open("/dev/null", os.O_RDONLY)
        opened += 1
except OSError as error:
    full = error.errno
try:
    mmap.mmap(-1, 5 * 2**30)
    mapped = True
except (OSError, MemoryError):
    mapped = False
print(json.dumps({"environ": dict(os.environ), "limits": named, "opened": opened, "mapped": mapped}))
"""
SECRETS = {
    "HF_TOKEN": "hf_never",
    "AWS_SECRET_ACCESS_KEY": "aws-never",
    "PGPASSWORD": "pg-never",
    "OPENAI_API_KEY": "sk-never",
    "LD_LIBRARY_PATH": "/nowhere",
    "DB_URL": "postgresql://u:never@nowhere/db",
    "MY_OWN": "never",
}
CONTRACT = {
    "EVALHUB_MODE", "EVALHUB_JOB_SPEC_PATH", "EVALHUB_AUTH_TOKEN_PATH", "EVALLAB_PYTHON", "EVALLAB_WORKDIR",
    "EVALLAB_ARTIFACTS_DIR", "EVALLAB_RESULT_FILE", "EVALLAB_ATTEMPT_ID", "PYTHONUNBUFFERED", "PYTHONSAFEPATH",
}  # fmt: skip


@pytest.fixture(scope="module")
def strict() -> Iterator[Server]:
    """A server with limits, an environment full of secrets, and providers made over REST."""
    with served(LIMITS + "  rest: {local_commands: true}\n", environ=SECRETS) as server:
        yield server


def provider(server: Server, command: str, *benchmarks: str, **runtime: Any) -> str:
    """Make a provider over REST and return its id."""
    body = {
        "name": "p",
        "runtime": {"local": {"command": command, **runtime}},
        "benchmarks": [{"id": each} for each in benchmarks or ("q",)],
    }
    made = server.request("POST", PROVIDERS, body)
    assert made.status == 201, made.text
    return str(made.body["resource"]["id"])


def started(server: Server, provider_id: str, benchmark: str = "q") -> tuple[str, Path]:
    """Start a job that sleeps; return its id and its attempt's directory, once its token lies there."""
    job_id = server.submit({"id": benchmark, "provider_id": provider_id}, custom=NO_RETRY)
    place = server.home / "lab" / "jobs" / job_id / "0" / "attempt-1"
    server.until((place / "callback-token").exists, what="the token")
    return job_id, place


def test_adapters_see_an_allow_listed_environment_and_have_limits(strict: Server, tmp_path: Path) -> None:
    program = tmp_path / "sees.py"
    program.write_text(SEES)
    tmp_path.chmod(0o755)
    own = [{"name": "OF_PROVIDER", "value": "v"}]
    job_id = strict.submit(
        {"id": "q", "provider_id": provider(strict, f'exec "$EVALLAB_PYTHON" -S {program}', env=own)}, custom=NO_RETRY
    )
    strict.finished(job_id)
    seen = json.loads(strict.get(f"{JOBS}/{job_id}/benchmarks/0/logs").text.splitlines()[0])
    of_shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert set(seen["environ"]) - of_shell == CONTRACT | {"PATH", "HOME", "LANG", "OF_PROVIDER"}
    assert not [value for value in seen["environ"].values() if "never" in value]
    processes = min(4000, resource.getrlimit(resource.RLIMIT_NPROC)[1] % 2**63)
    assert seen["limits"] == {
        "CORE": [0, 0],
        "AS": [4 * GIB] * 2,
        "NOFILE": [64, 64],
        "NPROC": [processes] * 2,
    }
    assert (seen["opened"] < 64, seen["mapped"]) == (True, False)


def test_the_token_is_the_attempts_own(strict: Server) -> None:
    sleeper = provider(strict, "sleep 300")
    (one, place), (other, others) = started(strict, sleeper), started(strict, sleeper)
    token, foreign = ((each / "callback-token").read_text() for each in (place, others))
    assert ((place / "callback-token").stat().st_mode & 0o777, len(token) > 40, token != foreign) == (0o600, True, True)
    spec = json.loads((strict.jobs_dir / one / "0" / sleeper / "q" / "meta" / "job.json").read_text())
    assert token not in json.dumps(spec)
    answers = [at_callback(strict, spec, shown) for shown in ("wrong", foreign, "", token.upper(), None, token)]
    assert [each.status for each in answers] == [401, 401, 401, 401, 204, 204]
    assert {each.body["message_code"] for each in answers[:4]} == {"invalid_callback_token"}
    stranger = spec | {"callback_url": spec["callback_url"].rpartition("/")[0] + f"/{uuid.uuid4()}"}
    assert at_callback(strict, stranger, token).status == 404
    assert at_callback(strict, spec | {"id": other}, token).status == 404  # an attempt speaks for its own job only
    for each in (one, other):
        strict.request("DELETE", f"{JOBS}/{each}")


def at_callback(server: Server, spec: dict[str, Any], token: str | None) -> Answer:
    """Post an event where the adapter of an attempt does."""
    named = {"provider_id": spec["provider_id"], "id": spec["benchmark_id"], "status": "running"}
    address, _, path = spec["callback_url"].removeprefix("http://").partition("/")
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    door = Server(home=server.home, port=int(address.rpartition(":")[2]))
    url = f"/{path}/api/v1/evaluations/jobs/{spec['id']}/events"
    return door.request("POST", url, {"benchmark_status_event": named}, headers=headers)


@pytest.fixture(scope="module")
def demanding() -> Iterator[Server]:
    """A server that takes no event without the token of its attempt."""
    with served("  callbacks: {require_token: true}\n") as server:
        yield server


def test_a_server_can_demand_the_token_of_events_that_come_to_the_api(demanding: Server) -> None:
    job_id, place = started(demanding, "sleeper", "z")
    token = {"Authorization": "Bearer " + (place / "callback-token").read_text()}
    body = {"benchmark_status_event": {"provider_id": "sleeper", "id": "z", "status": "running"}}
    path = f"{JOBS}/{job_id}/events"
    sent = [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}, token]
    assert [demanding.request("POST", path, body, headers=each).status for each in sent] == [401, 401, 401, 204]
    nobodys = {"benchmark_status_event": {"provider_id": "sleeper", "id": "other", "status": "running"}}
    assert refused(demanding.request("POST", path, nobodys, headers=token)) == (401, "invalid_callback_token")
    assert demanding.request("DELETE", f"{JOBS}/{job_id}").status == 204


def test_a_server_can_demand_the_token_at_the_callback_url(demanding: Server) -> None:
    job_id, place = started(demanding, "sleeper", "z")
    spec = json.loads((demanding.jobs_dir / job_id / "0" / "sleeper" / "z" / "meta" / "job.json").read_text())
    token = (place / "callback-token").read_text()
    answers = [at_callback(demanding, spec, shown) for shown in (None, token)]
    demanding.request("DELETE", f"{JOBS}/{job_id}")
    assert [each.status for each in answers] == [401, 204]


def test_its_adapters_show_the_token_and_report(demanding: Server) -> None:
    done = demanding.finished(demanding.submit({"id": "a", "provider_id": "plain", "parameters": {"acc": 1}}))
    assert done["status"]["state"] == "completed"


def tree(server: Server) -> set[str]:
    """Return everything around the server's data, but what Postgres does with its own."""
    found = (str(path.relative_to(server.home)) for path in server.home.rglob("*"))
    return {each for each in found if not each.startswith("lab/postgres")}


@pytest.mark.parametrize(
    "shape",
    [
        "../../../../{mark}",
        "../{mark}",
        "a/../../../{mark}",
        "/tmp/{mark}",
        "{mark}/..",
        "{mark}//x",
        "./{mark}",
        "{mark}/",
        "{mark}\x07",
        "{mark}\u202e",
        "{mark}\n",
        "{mark}" + "é" * 200,
    ],
)
def test_the_ids_of_benchmarks_do_not_leave_the_job_directory(strict: Server, shape: str) -> None:
    mark = f"escape-{uuid.uuid4().hex}"
    named = shape.format(mark=mark)
    job_id = strict.submit(
        {"id": named, "provider_id": provider(strict, "touch $EVALLAB_WORKDIR/x", named)}, custom=NO_RETRY
    )
    done = strict.finished(job_id)
    assert done["status"]["state"] == "failed"
    assert "cannot name a directory" in done["status"]["benchmarks"][0]["error_message"]["message"]
    assert not [each for each in tree(strict) if mark in each]
    assert not [each for each in Path("/tmp").iterdir() if mark in each.name]


def test_ids_that_nothing_can_hold_are_refused(strict: Server) -> None:
    before = tree(strict)
    long = {"name": "p", "benchmarks": [{"id": "x" * 10_000}]}
    assert refused(strict.request("POST", PROVIDERS, long)) == (400, "request_validation_failed")
    for field in ("id", "provider_id"):
        for value, refusal in [
            ("a\0b", (400, "invalid_json_request")),
            ("", (400, "request_validation_failed")),
            ("x" * 10_000, (404, "resource_not_found") if field == "provider_id" else (400, "resource_does_not_exist")),
        ]:
            body = job({"id": "a", "provider_id": "plain", field: value})
            assert refused(strict.request("POST", JOBS, body)) == refusal
    empty: list[Any] = [[], None, 0, False, {}]
    for nothing in empty:
        escaping = {"id": "../../x", "provider_id": "lm_evaluation_harness", "parameters": {"include_path": nothing}}
        assert refused(strict.request("POST", JOBS, job(escaping))) == (400, "resource_does_not_exist")
    assert tree(strict) - before == set()


SENT = ["..", "%2e%2e", "..%2f..%2fserver.log", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%2fetc%2fpasswd", "/etc/passwd",
        "%00", "a%00b", "%ff%fe", "%ed%a0%80", "%0d%0aX: y", "%e2%80%ae", "..%5c..%5cx", "~root", "%25%30%30",
        "x" * 10_000]  # fmt: skip
BELOW = ["", "/events", "/logs", "/benchmarks/0/logs", "/benchmarks/0/samples", "/artifacts", "/artifacts/x", "/scores",
         "/comparisons", "/provenance", "/stream", "/resume", "/clones"]  # fmt: skip


def test_ids_in_paths_read_and_make_nothing(strict: Server) -> None:
    before = tree(strict)
    event = {"benchmark_status_event": {"provider_id": "p", "id": "i", "status": "running"}}
    methods = {"/events": "POST", "/resume": "POST", "/clones": "POST"}
    for sent in (quote(each, safe="%/~.") for each in SENT):
        for below in BELOW:
            method = methods.get(below, "GET")
            paths = [f"{base}/{sent}{below}" for base in (JOBS, PROVIDERS, COLLECTIONS)]
            answers = [strict.request(method, path, event if method == "POST" else None) for path in paths]
            assert {each.status for each in answers} <= {404, 405}, (sent, below)
            assert not [each for each in answers if b"root:" in each.raw]
        assert strict.request("DELETE", f"{JOBS}/{sent}?hard_delete=true").status == 404
    assert tree(strict) - before == set()


def test_ids_of_files_and_benchmarks_in_paths_read_nothing(strict: Server) -> None:
    job_id = strict.submit({"id": "a", "provider_id": "plain", "parameters": {"acc": 1}})
    strict.finished(job_id)
    for sent in (quote(each, safe="%/~.") for each in SENT):
        files = strict.get(f"{JOBS}/{job_id}/artifacts/{sent}")
        indexes = [strict.get(f"{JOBS}/{job_id}/benchmarks/{sent}/{part}") for part in ("logs", "samples")]
        assert {files.status, *(each.status for each in indexes)} <= {400, 404}
        assert not [each for each in (files, *indexes) if b"root:" in each.raw]


def test_what_is_a_jobs_is_closed_to_other_users(strict: Server) -> None:
    job_id = strict.submit({"id": "a", "provider_id": "plain", "parameters": {"acc": 1}})
    strict.finished(job_id)
    for place in (strict.jobs_dir / job_id, strict.home / "lab" / "jobs" / job_id):
        modes = {path.stat().st_mode & 0o777 for path in (place, *place.rglob("*")) if path.is_dir()}
        assert modes == {0o700}, place
    assert strict.jobs_dir.stat().st_mode & 0o7777 == 0o1777


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_of_the_machine_reads_nothing(strict: Server) -> None:
    nobody: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}

    def found(*criteria: str) -> set[str]:
        command = ["find", str(strict.jobs_dir), str(strict.home / "lab"), *criteria]
        listed = subprocess.run(command, capture_output=True, text=True, check=False, **nobody).stdout
        return {each.removeprefix(f"{strict.home}/") for each in listed.splitlines()}

    assert found("-type", "f", "-readable") == set()
    assert found("!", "-type", "l", "-writable") == {"jobs"}  # as /tmp is: a directory of one's own can be made


def test_a_directory_that_another_user_laid_out_is_not_used(start: Start) -> None:
    """Names of job directories cannot be guessed, but the base may be somebody's trap."""
    server = start()
    trap = server.home / "trap"
    trap.mkdir()
    (server.home / "jobs").symlink_to(trap)
    done = server.finished(
        server.submit({"id": "a", "provider_id": "plain", "parameters": {"acc": 1}}, custom=NO_RETRY)
    )
    assert done["status"]["state"] == "failed"
    assert "is a symbolic link" in done["status"]["benchmarks"][0]["error_message"]["message"]
    assert list(trap.iterdir()) == []
