"""One line to paste into a shell for each operation of the API. Pure; called by `page`."""

import json
import re
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
_PARAMETER = re.compile(r"\{(\w+)\}")
_FLAGS = {"text/event-stream": "-N", "application/octet-stream": "-OJ"}


def curl(operation: Json) -> str:
    """Return the command; $EVALLAB_URL and the ids in it are the reader's."""
    body = operation.get("requestBody")
    words = ["curl", _flag(operation)]
    if operation["method"] not in {"GET", "POST"} or (operation["method"] == "POST" and body is None):
        words.append(f"-X {operation['method']}")
    command = f'{" ".join(words)} "$EVALLAB_URL{_path(operation)}"'
    if body is None:
        return command
    text = json.dumps(body["content"]["application/json"].get("example", {}), indent=2, ensure_ascii=False)
    return f"{command} \\\n  -H 'Content-Type: application/json' -d '{text}'"


def _flag(operation: Json) -> str:
    held = {
        media for status, each in operation["responses"].items() if status < "3" for media in each.get("content", {})
    }
    return next((flag for media, flag in _FLAGS.items() if media in held), "-s")


def _path(operation: Json) -> str:
    """Return the path with placeholders for the shell, and a query that keeps lists short."""
    path = _PARAMETER.sub(_placeholder, operation["path"])
    names = {each.get("name") for each in operation["parameters"]}
    return path + ("?limit=5" if "limit" in names else "")


def _placeholder(match: re.Match[str]) -> str:
    name = match[1]
    return "0" if name.endswith("index") else f"${name.removesuffix('_id').upper()}"
