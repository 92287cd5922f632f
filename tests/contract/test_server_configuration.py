"""docs/reference/server-configuration.md lists every setting, variable and flag of the server, with its default."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from evallab.server.config import ServerConfig
from evallab.server.config_blocks import NO_EFFECT, Evallab
from evallab.server.config_layers import VARIABLES
from evallab.server.flags import USAGE

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "server-configuration.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z_.]+)` \| (?:`([^`]+)`|none) \| .+ \|$", re.MULTILINE)
NOT_SETTINGS = {"config_dir", "database_url", "strict"}


def names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for field, info in model.model_fields.items():
        name, inner = f"{prefix}{info.alias or field}", info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from names(inner, f"{name}.")
        elif name not in NOT_SETTINGS:
            yield name


def documented() -> dict[str, str]:
    return {name: default for name, default in ROW.findall(PAGE) if "." in name}


def test_every_setting_is_listed_once_and_nothing_else() -> None:
    listed = [name for name, _ in ROW.findall(PAGE)]
    assert listed == list(names(ServerConfig))


def test_the_defaults_are_those_of_the_server() -> None:
    said: dict[str, Any] = {}
    for name, default in documented().items():
        *blocks, last = name.split(".")
        place = said
        for block in blocks:
            place = place.setdefault(block, {})
        place[last] = yaml.safe_load(default) if default else None
    assert ServerConfig.model_validate(said) == ServerConfig()
    assert Evallab.model_validate(said["evallab"]) == Evallab()


def test_variables_flags_and_what_has_no_effect_are_listed() -> None:
    wanted = [f"| `{name}` | `{field}` |" for name, field in VARIABLES.items()]
    wanted += [f"`{flag}" for flag in re.findall(r"^  (-\w+)", USAGE, re.MULTILINE)]
    wanted += [f"`{name}`" for name in NO_EFFECT]
    assert [each for each in wanted if each not in PAGE] == []
