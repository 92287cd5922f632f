"""The server's command line: Go's rules, Go's sentences."""

from pathlib import Path

import pytest

from evallab.server.flags import USAGE, BadFlag, Flags, parse


@pytest.mark.parametrize(
    ("argv", "flags"),
    [
        ([], Flags()),
        (["-local"], Flags(local=True)),
        (["--local"], Flags(local=True)),
        (["-local=true"], Flags(local=True)),
        (["-local=F"], Flags(local=False)),
        (["-local", "-configdir", "/etc/hub"], Flags(local=True, config_dir=Path("/etc/hub"))),
        (["--local", "--configdir=/etc/hub"], Flags(local=True, config_dir=Path("/etc/hub"))),
        (["-configdir", "/a=b"], Flags(config_dir=Path("/a=b"))),
        (["-configdir=/a", "-configdir=/b"], Flags(config_dir=Path("/b"))),
        (["--port", "0", "--host", "::1", "--parallel=3"], Flags(port=0, host="::1", parallel=3)),
        (["--strict", "--version"], Flags(strict=True, version=True)),
        (["-h"], Flags(usage=True)),
        (["--help"], Flags(usage=True)),
    ],
)
def test_what_the_arguments_say(argv: list[str], flags: Flags) -> None:
    assert parse(argv, {}) == flags


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["-x"], "flag provided but not defined: -x"),
        (["--x=3"], "flag provided but not defined: -x"),
        (["-Local"], "flag provided but not defined: -Local"),
        (["---local"], "bad flag syntax: ---local"),
        (["-=1"], "bad flag syntax: -=1"),
        (["--"], "unexpected argument: --"),
        (["serve"], "unexpected argument: serve"),
        (["-configdir"], "flag needs an argument: -configdir"),
        (["-local=maybe"], 'invalid boolean value "maybe" for -local: parse error'),
        (["-port", "http"], 'invalid value "http" for flag -port: parse error'),
        (["-port", "٣"], 'invalid value "٣" for flag -port: parse error'),
        (["-port", "65536"], 'invalid value "65536" for flag -port: must be from 0 to 65535'),
        (["-parallel", "0"], 'invalid value "0" for flag -parallel: must be from 1 to 10000'),
        (["-host", ""], 'invalid value "" for flag -host: must be an address or a name'),
    ],
)
def test_what_makes_no_sense_is_refused_with_gos_sentence(argv: list[str], sentence: str) -> None:
    with pytest.raises(BadFlag) as refused:
        parse(argv, {})
    assert str(refused.value) == f"{sentence}\n{USAGE}"


def test_the_variables_beside_the_flags() -> None:
    environ = {"EVAL_HUB_CONFIG_DIR": "/etc/hub", "CONFIG_PATH": "/etc/more.yaml"}
    assert parse([], environ) == Flags(config_dir=Path("/etc/hub"), config_path=Path("/etc/more.yaml"))
    assert parse(["-configdir", "/mine"], environ).config_dir == Path("/mine")
    assert parse([], dict.fromkeys(environ, "")) == Flags()


def test_every_flag_is_in_the_usage() -> None:
    names = ("configdir", "help", "host", "local", "parallel", "port", "strict", "version")
    assert [name for name in names if f"\n  -{name}" not in USAGE] == []
