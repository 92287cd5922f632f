"""Settings and catalogue files that are wrong: named with line and reason, the rest is served, mended is picked up."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.evalhub.conftest import Start, configured, opened
from tests.acceptance.evalhub.hostile import COLLECTIONS, PROVIDERS, attempted
from tests.acceptance.evalhub.running import JOBS, Server, free_port

from evallab import __version__

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
BROKEN: dict[str, tuple[str, str]] = {
    "providers/yaml.yaml": ("id: broken\nname: [a\nbenchmarks: []\n", ":3: not valid YAML: "),
    "providers/field.yaml": ("id: f\nname: F\nbenchmarks:\n- {name: no id}\n", ":4: benchmarks[0].id: "),
    "providers/noid.yaml": ("name: x\n", ": id: is required, but missing"),
    "providers/bytes.yaml": ("id: \udcff\udcfe\n", ": "),
    "providers/list.yaml": ("- 1\n", ": "),
    "providers/twice.yaml": ("id: plain\nname: another plain\n", "plain"),
    "collections/field.yaml": ("id: e\nname: E\ncategory: c\nbenchmarks: {a: b}\n", ":4: benchmarks: "),
    "collections/bomb.yaml": (BOMB, ": "),
}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for a server that gets as far as Postgres."""
    folder = opened()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def records(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def problems(server: Server) -> list[str]:
    ready = server.get("/readyz")
    assert (ready.status, ready.body["status"]) == (200, "ready")  # a broken file keeps nobody from being served
    return list(ready.body["problems"])


def counted(server: Server) -> int:
    lines = server.get("/metrics").text.splitlines()
    return int(float(next(line.split()[1] for line in lines if line.startswith("evallab_catalog_problems "))))


def test_broken_files_are_named_the_rest_is_served_and_mended_ones_are_picked_up(start: Start) -> None:
    server = start()
    assert (problems(server), counted(server)) == ([], 0)
    for name, (text, _) in BROKEN.items():
        (server.config / name).write_bytes(text.encode(errors="surrogateescape"))
    found = server.until(lambda: len(seen := problems(server)) == len(BROKEN) and seen, what="the problems")
    for name, (_, reason) in BROKEN.items():
        mine = [each for each in found if each.startswith(f"{server.config / name}")]
        assert len(mine) == 1, (name, found)
        assert reason in mine[0].replace(str(server.config / name), "")
    logged = {each["msg"] for each in records(server) if each["level"] == "ERROR"}
    assert (logged, counted(server)) == (set(found), len(BROKEN))
    assert {each["line"] for each in records(server) if "yaml.yaml" in each["msg"]} == {3}
    assert server.get(f"{PROVIDERS}/plain").body["name"] == "Plain adapter"
    assert server.get(f"{COLLECTIONS}/mini").status == 200
    mended = "id: broken\nname: mended\nbenchmarks: [{id: q}]\n"
    (server.config / "providers" / "yaml.yaml").write_text(mended)
    for name in BROKEN:
        if name != "providers/yaml.yaml":
            (server.config / name).unlink()
    server.until(lambda: problems(server) == [], what="the mended file")
    assert (server.get(f"{PROVIDERS}/broken").body["name"], counted(server)) == ("mended", 0)


def test_a_file_that_breaks_is_served_as_it_was_until_it_is_mended(start: Start) -> None:
    server = start()
    file = server.config / "providers" / "truep.yaml"
    before, shown = file.read_text(), server.get(f"{PROVIDERS}/truep").body
    file.write_text(before + "tags: {\n")
    [sentence] = server.until(lambda: problems(server), what="the problem")
    assert "its last good version is served until it is mended" in sentence
    assert server.get(f"{PROVIDERS}/truep").body["name"] == shown["name"]
    job = server.finished(server.submit({"id": "t", "provider_id": "truep"}, custom={"evallab": {"retries": 0}}))
    assert job["status"]["state"] == "failed"  # it ran: it says nothing
    file.write_text(before)
    server.until(lambda: problems(server) == [], what="the mended file")


@pytest.mark.parametrize("name", ["providers/yaml.yaml", "providers/field.yaml", "collections/field.yaml"])
def test_strictly_a_broken_file_is_fatal(place: Path, name: str) -> None:
    config = configured(place / "config")
    (config / name).write_text(BROKEN[name][0])
    code, said = attempted(config, "--strict", home=place)
    assert (code, f"{config / name}{BROKEN[name][1]}" in said, "Traceback" in said) == (2, True, False), said


def test_strictly_a_setting_without_effect_is_fatal(tmp_path: Path) -> None:
    config = configured(tmp_path / "config", "mlflow: {tracking_uri: http://x}\nservise: {port: 1}\n")
    code, said = attempted(config, "--strict", home=tmp_path)
    assert code == 2
    assert "settings of EvalHub that have no effect here: mlflow" in said
    assert "unknown settings, ignored: servise" in said


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("service: [\n", "config.yaml:2: not valid YAML: "),
        ("service: {port: x}\n", 'config.yaml:1: service.port: must be a whole number, found "x"'),
        ("a: 1\na: 2\n", "config.yaml:2: the field a is given twice"),
        ("service: {port: 1}\n" * 2, "config.yaml:2: the field service is given twice"),
        ("evallab: {rest: {root: [/]}}\n", "config.yaml:1: evallab.rest.root: unknown field; did you mean \"roots\"?"),
        ("evallab: {parallel: 0}\n", "config.yaml:1: evallab.parallel: must be at least 1; found 0"),
        ("x: &a [*a]\n", "config.yaml"),
        ("x: " + "[" * 10_000, "config.yaml"),
        ("x: !!python/object/apply:os.system ['touch /tmp/evallab-pwned']\n", "config.yaml"),
        ("\0", "config.yaml"),
    ],
)  # fmt: skip
def test_a_broken_configuration_is_named_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    code, said = attempted(tmp_path, home=tmp_path, PORT="")
    assert (code, sentence in said, "Traceback" in said) == (2, True, False), said
    assert not Path("/tmp/evallab-pwned").exists()


def test_a_port_that_is_taken_is_said(server: Server, tmp_path: Path) -> None:
    code, said = attempted(tmp_path, home=tmp_path, PORT=str(server.port))
    sentence = f"Cannot listen on 127.0.0.1:{server.port}: Address already in use. Choose another port: PORT=8090, "
    assert (code, sentence in said) == (2, True), said


def test_a_home_that_is_taken_is_said(server: Server, tmp_path: Path) -> None:
    home = {"EVALLAB_HOME": str(server.home / "lab"), "PORT": str(free_port())}
    code, said = attempted(tmp_path, home=tmp_path, **home)
    assert (code, f"Another evallab server already serves {server.home / 'lab'}." in said) == (2, True), said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-nonsense"], 2, "flag provided but not defined: -nonsense"),
        (["--port", "70000"], 2, 'invalid value "70000" for flag -port: must be from 0 to 65535'),
        (["--port=x"], 2, 'invalid value "x" for flag -port: parse error'),
        (["--local=maybe"], 2, 'invalid boolean value "maybe" for -local: parse error'),
        (["--host"], 2, "flag needs an argument: -host"),
        (["serve"], 2, "unexpected argument: serve"),
        (["---local"], 2, "bad flag syntax: ---local"),
        (["--local=false"], 2, "or start it with --local"),
        (["--configdir", "/no/where"], 2, "The configuration directory /no/where does not exist."),
        (["-version"], 0, ""),
        (["-h"], 0, ""),
    ],
)
def test_flags_are_gos(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    found = attempted(tmp_path, *arguments, home=tmp_path)
    assert (found[0], said in found[1]) == (code, True), found
    assert not (tmp_path / "lab").exists()


def test_a_second_file_replaces_whole_blocks(start: Start, tmp_path: Path) -> None:
    more = tmp_path / "more.yaml"
    more.write_text("prometheus: {enabled: false}\n")
    server = start(environ={"CONFIG_PATH": str(more)})
    assert server.get("/metrics").status == 404
    more.write_text("prometheus: {enabled: maybe}\n")
    code, said = attempted(server.config, home=tmp_path, CONFIG_PATH=str(more))
    assert (code, f"{more}:1: prometheus.enabled: must be true or false" in said) == (2, True), said


def test_variables_are_mapped_and_flags_win(start: Start) -> None:
    port = free_port()
    mapped = "env_mappings: {LAB_PORT: service.port, LAB_METRICS: prometheus.enabled}\n"
    server = start(extra=mapped, environ={"LAB_PORT": str(port), "LAB_METRICS": "false"}, port=port)
    assert server.get("/api/v1/version").body["version"] == __version__
    assert server.get("/metrics").status == 404
    flagged = start(arguments=("-port", str(other := free_port())), port=other, environ={"PORT": "1"})
    assert flagged.get(JOBS).status == 200
    code, said = attempted(server.config, home=server.home, LAB_PORT="http")
    assert (code, 'environment variable LAB_PORT: service.port: must be a whole number, found "http"' in said) == (
        2,
        True,
    )
