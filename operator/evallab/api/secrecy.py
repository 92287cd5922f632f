"""What must never be written down, found by its name: keys, tokens, passwords. Pure.

Secrets belong into a secretRef. Checks refuse a job that holds one in the open (`shown_in`), and what is recorded all
the same by an adapter, an import or a custom command is replaced (`hidden`).
"""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
_WORDS = (
    r"api_?key|access_?key|private_?key|secret(?!_?ref)|passw|passphrase|credential|authorization"
    r"|(?:hf|hub|auth|access|bearer|api|session|refresh)_?token"
)
_NAME = re.compile(rf"{_WORDS}|^token$|^key$", re.IGNORECASE)
_LOGIN = re.compile(r"(?P<scheme>://)[^/\s@'\"]+@")
_IN_QUERY = re.compile(rf"(?P<name>[?&](?:[\w.-]*(?:{_WORDS})[\w.-]*|token|key)=)[^&#\s'\"]+", re.IGNORECASE)
_DASHED = _WORDS.replace("_?", "[-_]?")
_IN_COMMAND = re.compile(
    rf"(?P<name>(?:--?[\w-]*(?:{_DASHED})[\w-]*|--token)(?:=|\s+)|\b\w*(?:{_WORDS})\w*=|\b\w+_TOKEN=)"
    r"(?!\*\*\*|[\"']?\$)(?:'[^']*'|\"[^\"]*\"|[^\s'\"]+)",
    re.IGNORECASE,
)
_FLAG = re.compile(rf"--?[\w-]*(?:{_DASHED})[\w-]*|--token", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """Say whether a name speaks of a secret."""
    return bool(_NAME.search(name.replace("-", "_")))


def shown_in(text: str) -> bool:
    """Say whether a URL, an argument or a command holds a secret in the open; the name of a variable is none."""
    return hidden_text(text) != text


def hidden_text(text: str) -> str:
    """Return a text without what URLs and commands show of secrets."""
    text = _LOGIN.sub(rf"\g<scheme>{MASK}@", text)
    return _IN_COMMAND.sub(rf"\g<name>{MASK}", _IN_QUERY.sub(rf"\g<name>{MASK}", text))


def hidden(value: Any) -> Any:
    """Return a JSON value without secrets: by the names of its keys, in its texts, after the flags of a command."""
    if isinstance(value, str):
        return hidden_text(value)
    if isinstance(value, Mapping):
        return {name: _under(str(name), each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [
            MASK if isinstance(each, str) and place and _is_flag(value[place - 1]) else hidden(each)
            for place, each in enumerate(value)
        ]
    return value


def _under(name: str, value: Any) -> Any:
    return MASK if isinstance(value, str) and value and is_secret_name(name) else hidden(value)


def _is_flag(before: Any) -> bool:
    return isinstance(before, str) and bool(_FLAG.fullmatch(before))
