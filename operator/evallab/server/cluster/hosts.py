"""Which hosts and origins a server in a cluster answers. Pure; `serving` asks once.

Where everybody shows a token, a Host header protects nothing: no browser shows one by itself. Without tokens the
server answers to the names of its Service, to addresses (probes), to loopback (port-forward) and to `evallab.hosts`.
"""

from dataclasses import replace
from urllib.parse import urlsplit

from evallab.server.boundary_rules import Rules, rules
from evallab.server.config import ServerConfig


def cluster_rules(config: ServerConfig, server_url: str) -> Rules:
    """Return the rules of a server that pods reach at `server_url`."""
    known = rules(config)
    if config.evallab.auth.mode == "kubernetes":
        return replace(known, any_host=True)
    return replace(known, hosts=known.hosts | service_names(urlsplit(server_url).hostname or ""))


def service_names(host: str) -> frozenset[str]:
    """Return the names under which pods know a Service: `name.namespace.svc` and what it may be shortened to."""
    name, *rest = host.split(".")
    if rest[1:] not in ([], ["svc"], ["svc", "cluster", "local"]):
        return frozenset({host})
    places = [f"{rest[0]}{suffix}" for suffix in ("", ".svc", ".svc.cluster.local")] if rest else []
    return frozenset({name, *(f"{name}.{place}" for place in places)})
