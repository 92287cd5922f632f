"""Secrets are put wherever they belong, and then looked for everywhere else: logs, answers, views, files, arguments."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.command import EVALLAB
from tests.acceptance.evalhub.hostile import COLLECTIONS, PROVIDERS, attempted, job, served
from tests.acceptance.evalhub.running import JOBS, Server

KEY, HUB, FILED, POSTED, BEARER, OWN = (f"s3cr3t-{name}" for name in ("key", "hub", "filed", "posted", "bearer", "own"))
SECRETS = (KEY, HUB, FILED, POSTED, BEARER, OWN)
FROM_FILE = f"""\
id: filed
name: A provider with credentials
runtime:
  local: {{command: "true", env: [{{name: HF_TOKEN, value: {FILED}}}, {{name: OCI_INSECURE, value: "true"}}]}}
  k8s: {{image: i, env: [{{name: PROXY, value: "http://me:{FILED}@proxy"}}]}}
benchmarks: [{{id: t}}]
"""
SHOWN = {"HF_TOKEN": "***", "OCI_INSECURE": "true"}
MASKED = {"runtime": {"local": {"command": "true", "env": [{"name": "API_KEY", "value": "***"}]}}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that was given secrets in every way it takes them."""
    keys = tmp_path_factory.mktemp("keys")
    (keys / "api-key").write_text(KEY)
    (keys / "hf-token").write_text(HUB)
    rest = f"  rest: {{secret_roots: [{keys}], local_commands: true}}\n"
    with served(rest, environ={"SECRET_OF_THE_SERVER": OWN, "HF_TOKEN": OWN}) as running:
        (running.config / "providers" / "filed.yaml").write_text(FROM_FILE)
        running.until(lambda: running.get(f"{PROVIDERS}/filed").status == 200, what="the file to be read")
        use(running, keys)
        yield running


def use(server: Server, keys: Path) -> None:
    """Have every secret used, also where that fails."""
    bearer = {"Authorization": f"Bearer {BEARER}"}
    model = {"url": "http://127.0.0.1:9/v1", "name": "m", "auth": {"secret_ref": f"file://{keys}"}}
    plain = {"id": "a", "provider_id": "plain", "parameters": {"acc": 1}}
    harness = {"id": "demo_arith", "provider_id": "lm_evaluation_harness", "parameters": {"limit": 1, "max_retries": 0}}
    once = {"custom": {"evallab": {"retries": 0, "timeout_seconds": 10}}}
    bodies = [job(plain, model=model), job(harness, model=model, **once)]
    bodies.append(job({"id": "t", "provider_id": "filed"}, **once))
    posted = [server.request("POST", JOBS, each, headers=bearer) for each in bodies]
    made = {"name": "posted", "runtime": {"local": {"command": "true", "env": [{"name": "API_KEY", "value": POSTED}]}}}
    assert server.request("POST", PROVIDERS, made, headers=bearer).status == 201
    for path in (f"{JOBS}/nobody", "/nowhere", f"{JOBS}?bad=1"):
        server.request("GET", path, headers=bearer)
    server.request("POST", JOBS, b"{", headers=bearer)
    server.request("POST", f"{JOBS}/{posted[0].body['resource']['id']}/events", {}, headers=bearer)
    for each in posted:
        server.finished(each.body["resource"]["id"])


def tokens(server: Server) -> list[str]:
    """Return the callback tokens and the password of the embedded Postgres."""
    found = [each.read_text() for each in (server.home / "lab" / "jobs").rglob("callback-token")]
    return [*found, (server.home / "lab" / "postgres" / "password").read_text().strip()]


def held(server: Server, text: str) -> list[str]:
    """Return the secrets that a text holds."""
    return [each for each in (*SECRETS, *tokens(server)) if each in text]


def test_logs_hold_no_secret(server: Server) -> None:
    logs = [server.log, *(server.home / "lab" / "log").iterdir(), *(server.home / "lab" / "postgres" / "log").iterdir()]
    assert len(tokens(server)) == 4
    assert {str(each): held(server, each.read_text(errors="replace")) for each in logs} == {
        str(each): [] for each in logs
    }


def test_answers_hold_no_secret(server: Server) -> None:
    pages = ["/metrics", "/docs", "/openapi.yaml", "/readyz", "/api/v1/version", "/api/v1/health"]
    pages += [f"{JOBS}?limit=0", f"{PROVIDERS}?limit=0", f"{COLLECTIONS}?limit=0", f"{PROVIDERS}/filed", "/nowhere"]
    for each in server.get(f"{JOBS}?limit=0").body["items"]:
        path = f"{JOBS}/{each['resource']['id']}"
        parts = (
            "",
            "/logs",
            "/scores",
            "/artifacts",
            "/comparisons",
            "/provenance",
            "/stream",
            "/benchmarks/0/samples",
        )
        pages += [path + part for part in parts]
        kept = server.get(f"{path}/artifacts").body["items"]
        pages += [entry["href"] for entry in kept if "href" in entry]
    assert {page: held(server, server.get(page).raw.decode(errors="replace")) for page in pages} == {
        page: [] for page in pages
    }


def test_providers_show_that_there_is_a_value(server: Server) -> None:
    shown = server.get(f"{PROVIDERS}/filed").body["runtime"]
    assert {each["name"]: each["value"] for each in shown["local"]["env"]} == SHOWN
    assert {each["Name"]: each["Value"] for each in shown["local"]["env"]} == SHOWN
    assert [each["value"] for each in shown["k8s"]["env"]] == ["***"]


def test_a_masked_value_that_comes_back_stays_what_it_was(server: Server) -> None:
    command = {"command": 'test "$API_KEY" = other; echo "code $?"', "env": [{"name": "API_KEY", "value": "other"}]}
    body = {"name": "p", "runtime": {"local": command}, "benchmarks": [{"id": "q"}]}
    made = server.request("POST", PROVIDERS, body).body
    path = f"{PROVIDERS}/{made['resource']['id']}"
    assert made["runtime"]["local"]["env"][0]["value"] == "***"
    changed = [
        server.request("PUT", path, {name: made[name] for name in ("name", "runtime", "benchmarks")}),
        server.request("PATCH", path, {"runtime": made["runtime"]}),
        server.request("PATCH", path, [{"op": "replace", "path": "/runtime", "value": made["runtime"]}]),
    ]
    assert [each.status for each in changed] == [200] * 3
    job_id = server.submit({"id": "q", "provider_id": made["resource"]["id"]}, custom={"evallab": {"retries": 0}})
    server.finished(job_id)
    assert "code 0" in server.get(f"{JOBS}/{job_id}/logs").text


def test_views_of_the_database_hold_no_secret(server: Server) -> None:
    views = psql(
        server,
        "SELECT schemaname || '.' || viewname FROM pg_views WHERE schemaname LIKE 'evallab%' OR schemaname = 'public'",
    ).split()
    assert {"public.jobs", "public.provenance", "evallab_tables.job_snapshots"} <= set(views)
    said = {view: held(server, psql(server, f"SELECT * FROM {view}")) for view in views}  # noqa: S608
    assert said == {view: [] for view in views}
    audit = psql(server, "SELECT * FROM evallab_tables.audit")
    assert held(server, audit) == []


def psql(server: Server, query: str) -> str:
    """Ask the database as the docs tell a user to."""
    command = [str(EVALLAB), "db", "psql", "-At", "-c", query]
    done = subprocess.run(command, env=server.variables, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_files_hold_no_secret_but_those_made_for_it(server: Server) -> None:
    files = [each for each in server.home.rglob("*") if each.is_file() and each.name != "callback-token"]
    own = server.home / "lab" / "postgres"
    looked = [each for each in files if own not in each.parents and server.config not in each.parents]
    assert len(looked) > 10
    assert [str(each) for each in looked if held(server, content(each))] == []


def content(file: Path) -> str:
    """Read a file of a server that lives: it may be gone."""
    try:
        return file.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def test_arguments_of_processes_hold_no_secret(server: Server) -> None:
    said = "\n".join(content(each / "cmdline") for each in Path("/proc").iterdir() if each.name.isdigit())
    assert held(server, said) == []


@pytest.mark.parametrize(
    ("config", "environ"),
    [
        ("database: {driver: pgx, url: 'postgresql://u@127.0.0.1:1/db', password: PASSW0RD}", {}),
        ("database: {driver: pgx, url: 'postgresql://u:PASSW0RD@[::1/db'}", {}),
        ("database: {driver: pgx, url: 'postgresql://u:PASS W0RD PASSW0RD@h/db'}", {}),
        ("database: {driver: pgx, url: 'host=127.0.0.1 password=PASSW0RD nonsense=1'}", {}),
        ("database: {driver: mysql, url: 'mysql://u:PASSW0RD@h/db'}", {}),
        ("database: {driver: pgx, url: {PASSW0RD: 1}}", {}),
        ("database: {driver: pgx, url: 'postgresql://u@h/db', password: 55512345}", {}),
        ("database: {driver: [PASSW0RD]}", {}),
        ("", {"EVALLAB_DATABASE_URL": "postgresql://u:PASSW0RD@127.0.0.1:1/db"}),
        ("", {"DB_URL": "mysql://u:PASSW0RD@127.0.0.1:1/db", "DB_DRIVER": "mysql"}),
        ("secrets: {dir: DIR, mappings: {word: evallab.origins}}", {}),
        ("secrets: {dir: DIR, mappings: {word: evallab.parallel}}", {}),
    ],
)
def test_a_server_that_does_not_start_says_no_secret(config: str, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "word").write_text("PASSW0RD")
    (tmp_path / "config.yaml").write_text(config.replace("DIR", str(tmp_path)))
    code, said = attempted(tmp_path, home=tmp_path, **environ)
    assert (code in {2, 70}, said != "", "PASSW0RD" in said, "55512345" in said) == (True, True, False, False), said
