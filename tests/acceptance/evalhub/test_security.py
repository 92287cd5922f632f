"""Local mode has no login: what a web page, or any client, may not make the server do."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.evalhub.hostile import (
    COLLECTIONS,
    EVIL,
    PROVIDERS,
    job,
    jobs_made,
    page,
    parsed,
    refused,
    served,
    wire,
)
from tests.acceptance.evalhub.running import JOBS, Server

HARNESS: dict[str, Any] = {"id": "gsm8k", "provider_id": "lm_evaluation_harness"}
COMMAND: dict[str, Any] = {"local": {"command": "touch /tmp/evallab-pwned"}}
NO_ENTRY = (403, "not_allowed_over_rest")


def asked(**parameters: Any) -> dict[str, Any]:
    return job({**HARNESS, "parameters": parameters})


def with_data(**data: Any) -> dict[str, Any]:
    return job({**HARNESS, "test_data_ref": data})


def with_extras(**extras: Any) -> dict[str, Any]:
    body = job(HARNESS, custom={"evallab": extras})
    return body | {"model": {"url": "", "name": "m"}}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "192.168.1.2:{port}", "0.0.0.0:{port}"]
)
def test_only_loopback_hosts_are_answered(server: Server, host: str) -> None:
    before, said = jobs_made(server), host.format(port=server.port)
    json = {"content_type": "application/json"}
    answers = [page(server, "GET", JOBS, host=said), page(server, "POST", JOBS, job(), host=said, **json)]
    assert [refused(each) for each in answers] == [(403, "host_not_allowed")] * 2
    own = f"{JOBS} HTTP/1.1\r\nHost: {said}\r\n\r\n"
    absolute = parsed(wire(server, f"GET http://localhost:{server.port}{own}".encode()))
    assert refused(absolute) == (403, "host_not_allowed")
    assert jobs_made(server) == before


def test_the_hosts_of_this_machine_are_answered(server: Server) -> None:
    hosts = ["localhost", f"localhost:{server.port}", f"127.0.0.1:{server.port}", "[::1]", "127.9.9.9"]
    assert [page(server, "GET", "/api/v1/health", host=each).status for each in hosts] == [200] * 5


def test_it_listens_on_loopback_unless_told(server: Server) -> None:
    """So do the doors of its helpers: the mailbox of the adapters, and Postgres."""
    mailbox = int((server.home / "lab" / "mailbox.port").read_text())
    postgres = int((server.home / "lab" / "postgres" / "port").read_text())
    ours = {server.port, mailbox, postgres}
    listening = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        if (file := Path(f"/proc/net/{table}")).exists()
        for line in file.read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    assert {each.split(":")[0] for each in listening if int(each.split(":")[1], 16) in ours} == {"0100007F"}


CROSS = [
    # fetch(url, {method: "POST", mode: "no-cors", body}) and sendBeacon: no preflight
    {"origin": EVIL, "content_type": "text/plain;charset=UTF-8", "sec_fetch_site": "cross-site"},
    {"origin": EVIL, "content_type": "application/json"},
    # a form, also from a sandboxed frame or a file
    {"origin": "null", "content_type": "application/x-www-form-urlencoded", "sec_fetch_mode": "navigate"},
    {"origin": EVIL, "content_type": "multipart/form-data; boundary=x"},
    # a browser that hides where it comes from
    {"sec_fetch_site": "cross-site", "content_type": "text/plain"},
    {"origin": "http://localhost.evil.example", "content_type": "application/json"},
    {"origin": "http://192.168.1.2", "content_type": "application/json"},
]


@pytest.mark.parametrize("headers", CROSS)
def test_a_page_of_another_site_starts_and_changes_nothing(server: Server, headers: dict[str, str]) -> None:
    before, job_id = jobs_made(server), server.submit({"id": "z", "provider_id": "sleeper"})
    sent = [
        ("POST", JOBS, job()),
        ("POST", f"{JOBS}/{job_id}/events", {"benchmark_status_event": {}}),
        ("POST", f"{JOBS}/{job_id}/resume", None),
        ("DELETE", f"{JOBS}/{job_id}", None),
        ("POST", PROVIDERS, {"name": "x", "runtime": COMMAND}),
        ("POST", f"{COLLECTIONS}/mini/clones", {}),
    ]
    answers = [page(server, *each, **headers) for each in sent]
    assert [refused(each) for each in answers] == [(403, "origin_not_allowed")] * len(sent)
    assert not any("access-control-allow-origin" in each.headers for each in answers)
    assert jobs_made(server) == before + 1
    assert server.job(job_id)["status"]["state"] in {"pending", "running"}
    assert server.request("DELETE", f"{JOBS}/{job_id}").status == 204


def test_a_page_of_another_site_reads_nothing(server: Server) -> None:
    paths = (JOBS, PROVIDERS, "/metrics", "/docs", "/openapi.yaml", "/api/v1/version", "/nowhere")
    answers = [page(server, "GET", path, origin=EVIL) for path in paths]
    assert [refused(each) for each in answers] == [(403, "origin_not_allowed")] * len(paths)
    assert not any("access-control-allow-origin" in each.headers for each in answers)


def test_preflights_are_evalhubs_for_this_machine_and_refused_to_others(server: Server) -> None:
    asking = {"access_control_request_method": "POST", "access_control_request_headers": "content-type"}
    own = page(server, "OPTIONS", JOBS, origin="http://localhost:3000", **asking)
    assert (own.status, own.raw) == (204, b"")
    assert own.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert own.headers["access-control-allow-methods"] == "get, post, put, patch, delete, options"
    assert own.headers["access-control-max-age"] == "3600"
    assert page(server, "OPTIONS", JOBS).headers["access-control-allow-origin"] == "*"
    others = page(server, "OPTIONS", JOBS, origin=EVIL, **asking)
    assert (refused(others), "access-control-allow-origin" in others.headers) == ((403, "origin_not_allowed"), False)


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_with_an_origin_a_body_is_json(server: Server, media: str | None) -> None:
    before = jobs_made(server)
    said = {"content_type": media} if media else {}
    answer = page(server, "POST", JOBS, job(), origin="http://localhost:3000", **said)
    assert refused(answer) == (415, "unsupported_media_type")
    assert jobs_made(server) == before
    assert page(server, "POST", JOBS, job(), **said).status == 202  # EvalHub asks no client that is no page


REFUSED_JOBS = [
    (with_extras(serve={"runtime": "custom", "command": "true"}), "local_commands"),
    (with_extras(serve={"runtime": "reference", "command": "true", "source": {"bundled": "x"}}), "local_commands"),
    (with_extras(serve={"runtime": "reference", "source": {"path": "/etc"}}), "roots"),
    (job(HARNESS, custom={"evallab": {"in_process": {"backend": "hf"}}}), "task_code"),
    (asked(include_path="/tmp"), "task_code"),
    (asked(include_path=["tasks"]), "task_code"),
    (asked(include_path={"a": ["../x"]}), "task_code"),
    (asked(dataset_kwargs={"trust_remote_code": True}), "task_code"),
    (asked(dataset_kwargs={"data_files": {"test": "/etc/passwd"}}), "roots"),
    (asked(dataset_path="/etc"), "roots"),
    (asked(tokenizer="~/model"), "roots"),
    (asked(metadata={"tokenizer": "../model"}), "roots"),
    (with_data(path="/etc/passwd"), "roots"),
    (with_data(path="etc/passwd"), "roots"),
    (with_data(hf={"repo_id": "a/b", "secret_ref": "file:///root/.ssh"}), "secret_roots"),
    (with_data(s3={"bucket": "b", "key": "k", "secret_ref": "/root/.aws"}), "secret_roots"),
    (with_data(git={"url": "https://x.example/r", "ref": "main", "secret_ref": "/root"}), "secret_roots"),
    (job(model={"url": "http://x/v1", "name": "m", "auth": {"secret_ref": "file:///root/keys"}}), "secret_roots"),
    (job(model={"url": "http://x/v1", "name": "m", "auth": {"secret_ref": "my-key"}}), "secret_roots"),
]


@pytest.mark.parametrize(("body", "setting"), REFUSED_JOBS)
def test_over_rest_a_job_names_nothing_of_this_machine(server: Server, body: dict[str, Any], setting: str) -> None:
    before = jobs_made(server)
    answer = server.request("POST", JOBS, body)
    assert (refused(answer), f"evallab.rest.{setting}" in answer.body["message"]) == (NO_ENTRY, True), answer.text
    assert jobs_made(server) == before


@pytest.mark.parametrize("body", [body for body, _ in REFUSED_JOBS if "test_data_ref" in body["benchmarks"][0]])
def test_nor_does_a_collection(server: Server, body: dict[str, Any]) -> None:
    entry, made = body["benchmarks"], {"name": "c", "category": "c"}
    answers = [
        server.request("POST", COLLECTIONS, {**made, "benchmarks": entry}),
        server.request("POST", f"{COLLECTIONS}/mini/clones", {"benchmarks": entry}),
    ]
    assert [refused(each) for each in answers] == [NO_ENTRY] * 2


@pytest.mark.parametrize(
    "runtime", [COMMAND, {"LOCAL": {"Command": "true"}}, {"local": {"command": "true", "env": []}}]
)
def test_over_rest_a_provider_brings_no_command(server: Server, runtime: dict[str, Any]) -> None:
    assert refused(server.request("POST", PROVIDERS, {"name": "p", "Runtime": runtime})) == NO_ENTRY
    made = server.request("POST", PROVIDERS, {"name": "p", "runtime": {"k8s": {"image": "i"}}})
    path = f"{PROVIDERS}/{made.body['resource']['id']}"
    changes = [
        ("PUT", {"name": "p", "runtime": runtime}),
        ("PATCH", [{"op": "replace", "path": "/runtime", "value": runtime}]),
        ("PATCH", [{"op": "replace", "path": "/runtime/local", "value": {"command": "true"}}]),
        ("PATCH", {"runtime": runtime}),
    ]
    assert [server.request(method, path, body).status for method, body in changes] in ([403] * 4, [403, 403, 400, 403])
    assert "local" not in server.get(path).body["runtime"]
    assert not Path("/tmp/evallab-pwned").exists()


class Allowed:
    """What the owner of a server allows: everything below two directories."""

    def __init__(self, folder: Path) -> None:
        self.root, self.secrets, self.outside = folder / "data", folder / "keys", folder / "data-of-others"
        for each in (self.root, self.secrets, self.outside):
            each.mkdir()
            (each / "api-key").write_text("k")
        (self.root / "tasks").mkdir()
        (self.root / "link").symlink_to(self.outside)
        (self.secrets / "link").symlink_to(self.outside)
        (folder / "way-in").symlink_to(self.root)
        rest = f"local_commands: true, task_code: true, roots: [{self.root}], secret_roots: [{self.secrets}]"
        self.config = f"  rest: {{{rest}}}\n  origins: ['{EVIL}']\n  hosts: [lab.example]\n"
        self.server: Server


@pytest.fixture(scope="module")
def allowed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Allowed]:
    """A server that allows something."""
    found = Allowed(tmp_path_factory.mktemp("allowed"))
    with served(found.config) as found.server:
        yield found


def test_listed_hosts_and_origins_are_let_in(allowed: Allowed) -> None:
    answer = page(allowed.server, "GET", JOBS, origin=EVIL, host="lab.example")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, EVIL)
    assert refused(page(allowed.server, "GET", JOBS, origin="https://other.example")) == (403, "origin_not_allowed")


def test_what_the_configuration_allows_is_taken(allowed: Allowed, tmp_path: Path) -> None:
    server, marker = allowed.server, tmp_path / "ran"
    runtime = {"local": {"command": f"touch {marker}"}}
    made = server.request("POST", PROVIDERS, {"name": "p", "runtime": runtime, "benchmarks": [{"id": "q"}]})
    benchmark = {"id": "q", "provider_id": made.body["resource"]["id"]}
    server.finished(server.submit(benchmark, custom={"evallab": {"retries": 0}}))
    assert marker.exists()
    taken = [
        asked(include_path=str(allowed.root / "tasks")),
        asked(tokenizer=str(allowed.root)),
        with_data(path=str(allowed.root / "api-key")),
        job(model={"url": "http://x/v1", "name": "m", "auth": {"secret_ref": f"file://{allowed.secrets}"}}),
        with_extras(serve={"runtime": "custom", "command": "exit 1 $PORT", "health_path": "/h"}),
    ]
    answers = [server.request("POST", JOBS, each) for each in taken]
    assert [each.status for each in answers] == [202] * len(taken), [each.text for each in answers]
    for each in answers:
        server.request("DELETE", f"{JOBS}/{each.body['resource']['id']}")


def test_links_and_steps_back_do_not_lead_out_of_what_is_allowed(allowed: Allowed) -> None:
    root, secrets, outside = allowed.root, allowed.secrets, allowed.outside
    paths = [f"{root}/link", f"{root}/link/api-key", f"{root}/../keys", f"{outside}", f"{root}/./../x", "/", "/etc"]
    bodies = [asked(include_path=each) for each in paths] + [with_data(path=each) for each in paths]
    keys = [f"{secrets}/link", f"{root}", f"file://{secrets}/../data", f"file:{secrets}", f"{secrets}\u202e"]
    bodies += [job(model={"url": "http://x/v1", "name": "m", "auth": {"secret_ref": each}}) for each in keys]
    answers = [allowed.server.request("POST", JOBS, each) for each in bodies]
    assert [refused(each) for each in answers] == [NO_ENTRY] * len(bodies), [each.text for each in answers]
    own = copy.deepcopy(asked(include_path=[str(root), f"{root}/link"]))
    assert refused(allowed.server.request("POST", JOBS, own)) == NO_ENTRY  # one good path does not carry a bad one
    through = allowed.server.request("POST", JOBS, with_data(path=str(root.parent / "way-in" / "api-key")))
    assert refused(through) == NO_ENTRY  # it leads in, but its name is not below a root
