"""Secrets are tried by every way a job can take them, with real jobs, and then looked for wherever anything is kept.

Ways that are meant for secrets (a directory with a key, the environment, a provider's variables) are used; ways that
would write one down (URLs, arguments, commands) are refused. Looked at are every table of the database, every file
below the home and the jobs' directories, what commands print, and what a server answers and logs.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.acceptance.evalhub.conftest import configured, opened
from tests.acceptance.evalhub.running import JOBS, Server
from tests.acceptance.remote.far import Far

SECRET = "s3cr3t-never-written"
KEY = f"{SECRET}-key"
HUB = f"{SECRET}-hub"
VARIABLE = f"{SECRET}-variable"
OWN = f"{SECRET}-own"
PROVIDER = f"""\
id: withkeys
name: A provider with keys
runtime:
  local: {{command: "echo started", env: [{{name: API_KEY, value: {VARIABLE}}}, {{name: HF_TOKEN, value: {HUB}}}]}}
benchmarks: [{{id: t}}]
"""
TABLES = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT LIKE 'pg_%'"
URLS = (f"http://me:{SECRET}@127.0.0.1:9/v1", f"http://127.0.0.1:9/v1?api_key={SECRET}")
SERVES = (
    {"runtime": "reference", "source": {"bundled": "demo-f16"}, "args": ["--api-key", SECRET]},
    {"runtime": "custom", "command": f"serve --port $PORT --api-key {SECRET}"},
)
DATA = (
    {"git": {"url": f"https://me:{SECRET}@git.invalid/a/b.git", "ref": "main"}},
    {"http": f"https://data.invalid/x.jsonl?token={SECRET}"},
)


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    """The command with a server, after every way was tried at both."""
    home = opened()
    keys = home / "keys"
    keys.mkdir()
    (keys / "api-key").write_text(KEY)
    (keys / "hf-token").write_text(HUB)
    config = configured(home / "config", f"  rest: {{secret_roots: [{keys}], local_commands: true}}\n")
    (config / "providers" / "withkeys.yaml").write_text(PROVIDER)
    server = Server(home=home, config=config, environ={"HF_TOKEN": OWN, "OPENAI_API_KEY": OWN}).start()
    told = Far(server)
    tried(told, keys)
    yield told
    server.stop()
    subprocess.run(["rm", "-rf", str(home)], check=False)


def tried(far: Far, keys: Path) -> None:
    """Run jobs that hold secrets where they belong, here and on the server, and ask for those that must be refused."""
    plain = {"providerId": "plain", "id": "a", "parameters": {"acc": 0.5}}
    with_keys = {"providerId": "withkeys", "id": "t"}
    harness = {"providerId": "lm_evaluation_harness", "id": "demo_arith", "parameters": {"limit": 1, "max_retries": 0}}
    model = {"name": "m", "url": "http://127.0.0.1:9/v1", "auth": {"secretRef": {"name": f"file://{keys}"}}}
    used = manifest(far, "used", model, plain, with_keys, harness)
    for place in ("--local", ""):
        done = far(*filter(None, ("run", "-f", str(used), place)), HF_TOKEN=OWN, OPENAI_API_KEY=OWN)
        assert done.returncode == 3, done.stderr  # nobody answers at port 9
        assert SECRET not in done.stdout + done.stderr


def manifest(far: Far, name: str, model: object, *benchmarks: object) -> Path:
    """Write a manifest outside of what is looked at."""
    outside = far.server.home / "outside"
    outside.mkdir(exist_ok=True)
    spec = {"model": model, "retries": 0, "timeoutSeconds": 60, "benchmarks": list(benchmarks)}
    path = outside / f"{name}.yaml"
    head = {"apiVersion": "evallab.dev/v1alpha1", "kind": "EvalJob", "metadata": {"name": name}}
    path.write_text(yaml.safe_dump({**head, "spec": spec}))
    return path


def refused() -> list[tuple[object, object]]:
    """Return models and data that hold a secret in the open."""
    here, plain = {"name": "m", "url": "http://127.0.0.1:9/v1"}, {"providerId": "plain", "id": "a"}
    return [
        *(({"name": "m", "url": url}, plain) for url in URLS),
        *(({"name": "m", "serve": serve}, plain) for serve in SERVES),
        *((here, {**plain, "testDataRef": data}) for data in DATA),
    ]


@pytest.mark.parametrize("way", range(len(refused())))
def test_a_secret_in_the_open_is_refused_without_repeating_it(far: Far, way: int) -> None:
    model, benchmark = refused()[way]
    path = manifest(far, f"open-{way}", model, benchmark)
    for place in ("--local", ""):
        done = far(*filter(None, ("run", "-f", str(path), place)))
        assert (done.returncode, SECRET in done.stdout + done.stderr) == (2, False), done.stderr
        assert "must not hold" in done.stderr


def test_no_table_holds_one(far: Far) -> None:
    tables = [line for line in psql(far, TABLES).splitlines() if not line.startswith("information_schema")]
    assert {"evallab_tables.jobs", "evallab_tables.provenance"} <= set(tables)
    rows = {table: psql(far, f"SELECT to_jsonb(t) FROM {table} AS t") for table in tables}  # noqa: S608
    assert [table for table, text in rows.items() if SECRET in text] == []
    assert "withkeys" in rows["evallab_tables.jobs"]


def test_no_file_holds_one(far: Far) -> None:
    outside = {far.server.home / "keys", far.server.home / "outside", far.server.config}
    found = []
    for folder, _, names in os.walk(far.server.home):
        if any(Path(folder).is_relative_to(each) for each in outside) or "/postgres/data" in folder:
            continue
        found += [path for name in names if SECRET in read(path := Path(folder) / name)]
    assert found == []


def read(path: Path) -> str:
    """Return what a file holds; kept ones are decompressed."""
    if path.suffix == ".zst":
        import zstandard

        with path.open("rb") as file:
            return zstandard.ZstdDecompressor().stream_reader(file).read().decode(errors="replace")
    return path.read_bytes().decode(errors="replace") if path.is_file() else ""


def test_no_answer_and_no_command_says_one(far: Far) -> None:
    server = far.server
    pages = [f"{JOBS}?limit=0", "/metrics", "/api/v1/evaluations/regressions", "/api/v1/evaluations/providers/withkeys"]
    for each in server.get(f"{JOBS}?limit=0").body["items"]:
        path = f"{JOBS}/{each['resource']['id']}"
        parts = ("", "/logs", "/provenance", f"/provenance/difference?against={each['resource']['id']}")
        pages += [path + part for part in parts]
    said = {page: server.get(page).raw.decode(errors="replace") for page in pages}
    said |= {
        " ".join(command): far.said(*command)
        for command in (("show", "used", "--provenance"), ("show", "used", "--provenance", "-o", "json"))
    }
    assert [page for page, text in said.items() if SECRET in text] == []
    record = json.loads(said["show used --provenance -o json"])
    assert record["job"]["model"]["url"] == "http://127.0.0.1:9/v1"


def psql(far: Far, query: str) -> str:
    """Ask the database as the docs tell a user to."""
    return far.said("db", "psql", "--local", "-At", "-c", query)
