"""What answered, of a record of provenance: the parts of the setup key, and the key. Pure.

The parts are hashed as they were from the first record on, so that old keys stay equal; what a record of then could
not know (GPUs, a driver) enters only where it is known.
"""

from collections.abc import Mapping
from typing import Any

from evallab.planning import keys

Json = dict[str, Any]


def key(record: Mapping[str, Any]) -> str:
    """Return the hash of what answered."""
    model, server, host = parts(record)
    return keys.setup_key(model=model, server=server, host=host)


def parts(record: Mapping[str, Any]) -> tuple[Json, Json, Json]:
    """Return what identifies the model, the server with its arguments, and the host's arithmetic."""
    server, asked = record.get("model_server") or {}, record.get("model") or {}
    weights = server.get("fingerprint") or {}
    known = weights.get("sha256")
    model = {"weights": known} if known else {"name": asked.get("name"), "url": asked.get("url")}
    engine = {name: server.get(name) for name in ("runtime", "argv", "server")}
    if image := (server.get("executed") or {}).get("image_id"):  # in a cluster
        engine["image"] = image
    if server.get("env"):  # what changes the arithmetic
        engine["env"] = server["env"]
    engine["argv"] = [part for part in engine["argv"] or [] if part != asked.get("name")]
    engine["server"] = {"version": (engine["server"] or {}).get("version")}
    return model, engine, _host(record.get("host") or {})


def _host(host: Mapping[str, Any]) -> Json:
    found = {name: host.get(name) for name in ("machine", "cpu")}
    if host.get("gpu"):
        found |= {"gpus": [each.get("name") for each in host["gpu"]], "driver": host.get("driver")}
    return found
