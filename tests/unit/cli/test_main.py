"""The table of commands: light to show, true to the commands, and refusing what this version cannot do."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from evallab import __version__
from evallab.api.errors import UsageError
from evallab.cli.main import COMMANDS, cli
from evallab.cli.place import anywhere, placed
from evallab.remote.target import Target
from evallab.settings import Settings

HEAVY = {"pydantic", "psycopg", "rich", "numpy", "yaml", "asyncio", "scipy", "zstandard"}
LOADED = (
    "import sys, json\nfrom evallab.cli.main import main\n"
    "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    code = end.code\n"
    "print(json.dumps([code, sorted({name.split('.')[0] for name in sys.modules})]), file=sys.stderr)"
)
SETTINGS = Settings(home=Path("/nowhere"), jobs_dir=Path("/nowhere"), config_dir=Path("/nowhere"))


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["nonsense"], []])
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, *args], capture_output=True, text=True, check=True)
    code, loaded = json.loads(done.stderr.splitlines()[-1])
    assert code == (0 if args and args[0].startswith("-") else 2)
    assert HEAVY & set(loaded) == set()


def test_completing_a_command_imports_nothing_heavy() -> None:
    environ = {"_EVALLAB_COMPLETE": "bash_complete", "COMP_WORDS": "evallab s", "COMP_CWORD": "1"}
    done = subprocess.run([sys.executable, "-c", LOADED], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "plain,show\nplain,suspend\nplain,samples\nplain,serve\n"
    assert HEAVY & set(json.loads(done.stderr.splitlines()[-1])[1]) == set()


def test_help_answers_at_once() -> None:
    def took() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "evallab.cli", "--help"], capture_output=True, check=True)
        return time.perf_counter() - start

    assert min(took() for _ in range(5)) < 0.5  # 0.15 s on an idle machine


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_commands_say(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert (command.name, command.short_help) == (name, COMMANDS[name].help)


def test_the_version() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"evallab {__version__}\n"


def test_an_unknown_command_names_the_nearest() -> None:
    result = CliRunner().invoke(cli, ["shwo"])
    assert result.exit_code == 2
    assert "There is no command 'shwo'. Did you mean 'show'?" in result.output


@click.command()
@placed
def where(settings: Settings) -> None:
    click.echo(settings.home)


def asked(*args: str, **changes: Any) -> Result:
    return CliRunner().invoke(where, args, obj=Settings(**{**vars(SETTINGS), **changes}))


def test_commands_work_here() -> None:
    assert asked().output == asked("--local").output == asked("--local", url="https://x").output == "/nowhere\n"


@pytest.mark.parametrize(("args", "changes"), [((), {"url": "https://x"}), (("--context", "kind"), {})])
def test_elsewhere_is_refused_by_name(args: tuple[str, ...], changes: dict[str, str]) -> None:
    error = asked(*args, **changes).exception
    assert isinstance(error, UsageError)
    assert "--local" in error.remedy


@click.command()
@anywhere
def goes(settings: Settings, target: Target | None) -> None:
    click.echo(str(target and target.tenant) + f" {target}")


def went(*args: str, **changes: Any) -> Result:
    return CliRunner().invoke(goes, args, obj=Settings(**{**vars(SETTINGS), **changes}))


SERVER = {"url": "https://x", "tenant": "team"}


@pytest.mark.parametrize(
    ("args", "changes", "where"),
    [
        ((), {}, "None None"),
        (("--local",), SERVER, "None None"),
        ((), SERVER, "team https://x"),
        (("--namespace", "other"), SERVER, "other https://x"),
        (("--context", "kind"), {}, "None the Service evallab/evallab of the kube context 'kind'"),
        (("--context", "kind"), {"service": "a/b", "tenant": "t"}, "t the Service a/b of the kube context 'kind'"),
    ],
)
def test_where_a_command_goes(args: tuple[str, ...], changes: dict[str, str], where: str) -> None:
    assert went(*args, **changes).output == where + "\n"


@pytest.mark.parametrize(
    ("args", "changes", "message"),
    [
        (("--context", "kind"), SERVER, "EVALLAB_URL and --context both say where to go."),
        (("--local", "--context", "kind"), {}, "--local and --context exclude each other."),
        (("--local", "--namespace", "n"), {}, "--local and --namespace exclude each other."),
        (("--namespace", "n"), {}, "--namespace is of a cluster."),
    ],
)
def test_two_answers_are_one_too_many(args: tuple[str, ...], changes: dict[str, str], message: str) -> None:
    error = went(*args, **changes).exception
    assert isinstance(error, UsageError)
    assert error.message == message


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_script(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert (result.exit_code, "_EVALLAB_COMPLETE" in result.output) == (0, True)
