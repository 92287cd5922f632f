"""The server's command line, as Go's `flag` package reads it: EvalHub's launchers start this server unchanged.

One dash or two, `-name value` or `-name=value`; a switch is on without a value. `main` calls `parse`; a mistake is a
`BadFlag`, whose text is Go's sentence and the usage (exit code 2).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evallab.api.errors import UsageError

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_SWITCHES = {"local": "local", "strict": "strict", "version": "version", "help": "usage", "h": "usage"}
USAGE = """\
Usage of evallab-server:
  -configdir DIR
        directory with config.yaml, providers/ and collections/ (or EVAL_HUB_CONFIG_DIR)
  -help
        print this and exit
  -host ADDRESS
        where to listen; wins over service.host (default 127.0.0.1, without -local 0.0.0.0)
  -local
        run benchmarks as processes of this computer; without it, as EvalJobs of a Kubernetes cluster
  -parallel N
        benchmarks that may ask endpoints at once; wins over evallab.parallel (default 8)
  -port PORT
        where to listen; wins over service.port (default 8080); 0 takes any free port
  -strict
        do not start with settings that have no effect here, or with a broken provider or collection
  -version
        print the version and exit
"""


class BadFlag(UsageError):
    """The command line of the server makes no sense."""

    def __str__(self) -> str:
        """Return Go's sentence, and the usage below it."""
        return f"{self.message}\n{USAGE}"


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What the command line and the two variables beside it say; None is not said."""

    local: bool = False
    strict: bool = False
    config_dir: Path | None = None  #: -configdir, else EVAL_HUB_CONFIG_DIR
    config_path: Path | None = None  #: CONFIG_PATH: a YAML file whose top-level blocks replace those of config.yaml
    host: str | None = None
    port: int | None = None
    parallel: int | None = None
    version: bool = False
    usage: bool = False


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> Flags:
    """Read the arguments (without the program's name). Raises BadFlag."""
    said: dict[str, Any] = {
        "config_dir": _directory("", environ.get("EVAL_HUB_CONFIG_DIR", "")),
        "config_path": _directory("", environ.get("CONFIG_PATH", "")),
    }
    rest = list(argv)
    while rest:
        name, value = _flag(rest.pop(0))
        if name in _SWITCHES:
            said[_SWITCHES[name]] = _switch(name, value)
        elif name in _VALUES:
            field, read = _VALUES[name]
            said[field] = read(name, _value(name, value, rest))
        else:
            raise BadFlag(f"flag provided but not defined: -{name}")
    return Flags(**said)


def _flag(argument: str) -> tuple[str, str | None]:
    """Split `--name=value`; None where no value stands in the same word."""
    dashes = len(argument) - len(argument.lstrip("-"))
    if dashes == 0 or argument in {"-", "--"}:
        raise BadFlag(f"unexpected argument: {argument}")
    name, equals, value = argument[min(dashes, 2) :].partition("=")
    if dashes > 2 or not name:
        raise BadFlag(f"bad flag syntax: {argument}")
    return name, value if equals else None


def _switch(name: str, value: str | None) -> bool:
    if value is not None and value not in _TRUE | _FALSE:
        raise BadFlag(f'invalid boolean value "{value}" for -{name}: parse error')
    return value is None or value in _TRUE


def _value(name: str, value: str | None, rest: list[str]) -> str:
    """Return the value of a flag: of the same word, else the next one, which it takes."""
    if value is None and not rest:
        raise BadFlag(f"flag needs an argument: -{name}")
    return rest.pop(0) if value is None else value


def _directory(_: str, value: str) -> Path | None:
    return Path(value).expanduser().absolute() if value else None


def _host(name: str, value: str) -> str:
    if not value or any(each.isspace() for each in value):
        raise BadFlag(f'invalid value "{value}" for flag -{name}: must be an address or a name')
    return value


def _between(low: int, high: int) -> Callable[[str, str], int]:
    def read(name: str, value: str) -> int:
        if not value.isascii() or not value.isdecimal():
            raise BadFlag(f'invalid value "{value}" for flag -{name}: parse error')
        if len(value) > 9 or not low <= int(value) <= high:
            raise BadFlag(f'invalid value "{value}" for flag -{name}: must be from {low} to {high}')
        return int(value)

    return read


_VALUES: Mapping[str, tuple[str, Callable[[str, str], Any]]] = {
    "configdir": ("config_dir", _directory),
    "host": ("host", _host),
    "port": ("port", _between(0, 65_535)),
    "parallel": ("parallel", _between(1, 10_000)),
}
