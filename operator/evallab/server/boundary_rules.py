"""Which hosts and origins a server answers, as pure questions; `boundary` asks them for every request.

The Host header stops DNS rebinding: a page of evil.example whose name suddenly means 127.0.0.1 still says evil.example.
The Origin header stops pages of other sites. An address cannot be rebound, so a server that listens on all addresses
answers to any address as host, but only to the names that it was told.
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from evallab.server.config import ServerConfig
from evallab.server.config_values import origin as written_origin

MAX_HOST = 300
_DEFAULT_PORT = {"http": "80", "https": "443"}


@dataclass(frozen=True)
class Rules:
    """What one server answers: names and addresses besides loopback, and origins besides loopback and its own.

    `any_host`: whatever the Host header says, because who asks shows a credential that no browser adds by itself.
    `body_seconds` is how long the body of a request may take.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    any_address: bool = False
    any_host: bool = False
    body_seconds: float | None = 15.0


def rules(config: ServerConfig) -> Rules:
    """Return the rules of a server that listens where its configuration says."""
    bound = config.service.host.lower().removeprefix("[").removesuffix("]")
    address = _address(bound)
    return Rules(
        hosts=frozenset({*config.evallab.hosts, address.compressed if address else bound}),
        origins=frozenset(config.evallab.origins),
        any_address=address is not None and address.is_unspecified,
        body_seconds=config.service.read_timeout,
    )


def answers_host(known: Rules, header: str) -> bool:
    """Tell whether a Host header names this server, on any port."""
    return len(header) <= MAX_HOST and _answers(known, header)


@lru_cache(maxsize=256)  # clients say the same again and again; what is longer than a name is not remembered
def _answers(known: Rules, header: str) -> bool:
    host = _split(header)
    return host is not None and (known.any_host or _is_here(known, host[0]))


def _is_here(known: Rules, name: str) -> bool:
    address = _address(name)
    if address is not None:
        return known.any_address or address.compressed in known.hosts or _is_loopback(address)
    return name in known.hosts or _is_localhost(name)


def answers_origin(known: Rules, origin: str, *, host: str, scheme: str) -> bool:
    """Tell whether a page of this origin may call: one of this machine, of this server itself, or a listed one."""
    try:
        written = written_origin(origin)
        name = urlsplit(written).hostname or ""
    except ValueError:  # "null" and worse
        return False
    if written in known.origins or _is_own(written, host, scheme):
        return True
    address = _address(name)
    loopback = _is_localhost(name) if address is None else _is_loopback(address)
    return loopback and written.startswith(("http://", "https://"))


def _is_own(written: str, host: str, scheme: str) -> bool:
    """Tell whether an origin is the server as the request itself addressed it."""
    here = _split(host)
    parts = urlsplit(written)
    if here is None or parts.scheme != scheme:
        return False
    port = str(parts.port) if parts.port else _DEFAULT_PORT.get(scheme, "")
    return (parts.hostname, port) == (here[0], here[1] or _DEFAULT_PORT.get(scheme, ""))


def crosses_sites(site: str, method: str) -> bool:
    """Tell whether a browser says that another site's page caused a request that changes something."""
    return site == "cross-site" and method not in {"GET", "HEAD", "OPTIONS"}


def _split(header: str) -> tuple[str, str] | None:
    """Return name and port of a Host header; None for what is not one."""
    text = header.strip().lower()
    bracketed = text.startswith("[")
    name, closed, rest = text[1:].partition("]") if bracketed else _parted(text)
    port = rest.removeprefix(":")
    if not name or (bracketed and not closed) or (rest and not (rest.startswith(":") and _is_port(port))):
        return None
    if bracketed or ":" in name:
        address = _address(name)
        return (address.compressed, port) if bracketed and isinstance(address, IPv6Address) else None
    return (name.removesuffix("."), port) if all(each.isalnum() or each in "-_." for each in name) else None


def _parted(text: str) -> tuple[str, str, str]:
    name, colon, port = text.partition(":")
    return name, "", colon + port


def _is_port(port: str) -> bool:
    return port == "" or (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65_535)


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def _is_loopback(address: IPv4Address | IPv6Address) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _is_localhost(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost")
