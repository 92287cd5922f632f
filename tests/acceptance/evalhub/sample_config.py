"""The configuration directory of the server that the samples were recorded from, made of the samples themselves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from tests.acceptance.evalhub.samples import Pair

ADAPTER = Path(__file__).parent / "adapters" / "sdk_adapter.py"
CONFIG = {
    "service": {"port": 8080, "host": "127.0.0.1"},
    "evallab": {"parallel": 1, "builtin": False, "rest": {"local_commands": True}},
}
_K8S = {
    "Image": "image",
    "Entrypoint": "entrypoint",
    "CPURequest": "cpu_request",
    "MemoryRequest": "memory_request",
    "CPULimit": "cpu_limit",
    "MemoryLimit": "memory_limit",
}


def write_config(folder: Path, recorded: Mapping[str, Pair], python: Path) -> str:
    """Write it; the adapter of the provider `tiny` is ours, run by this interpreter. Return tiny's command."""
    command = f"{python} {ADAPTER}"
    for kind in ("providers", "collections"):
        (folder / kind).mkdir(parents=True)
        for item in recorded[f"{kind}_list"].answer["items"]:
            entry = _entry(item)
            if entry["id"] == "tiny":
                entry["runtime"]["local"]["command"] = command
            (folder / kind / f"{entry['id']}.yaml").write_text(yaml.safe_dump(entry, sort_keys=False))
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    return command


def recorded_command(recorded: Mapping[str, Pair]) -> str:
    """Return the command of `tiny` on the machine where the samples were made."""
    return str(recorded["provider_get"].answer["runtime"]["local"]["command"])


def _entry(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the file that a listed provider or collection was read from."""
    entry = {"id": item["resource"]["id"], **{name: value for name, value in item.items() if name != "resource"}}
    runtime = item.get("runtime")
    if runtime is not None:
        entry["runtime"] = {name: _K8S_OR_LOCAL[name](value) for name, value in runtime.items()}
    return entry


def _k8s(said: Mapping[str, Any]) -> dict[str, Any]:
    return {_K8S[name]: value for name, value in said.items() if value and name in _K8S}


def _local(said: Mapping[str, Any]) -> dict[str, Any]:
    variables = [{"name": each["Name"], "value": each["Value"]} for each in said.get("env", [])]
    return {"command": said["command"], **({"env": variables} if variables else {})}


_K8S_OR_LOCAL = {"k8s": _k8s, "local": _local}
