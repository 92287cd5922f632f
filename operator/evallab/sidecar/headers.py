"""Which headers pass between adapter and model: all but those that speak of one connection only. Pure."""

from collections.abc import Iterable, Mapping

Pairs = Iterable[tuple[bytes, bytes]]

_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
     b"trailer", b"transfer-encoding", b"upgrade"}
)  # fmt: skip
_OF_REQUEST = _HOP | {b"host", b"authorization", b"expect"}
_OF_ANSWER = _HOP | {b"date", b"server"}


def of_request(headers: Pairs, authorization: str | None) -> list[tuple[str, str]]:
    """Return what the model is to see, with the real credential in the place of the adapter's."""
    kept = list(_kept(headers, _OF_REQUEST))
    said = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in kept]
    return [*said, ("Authorization", authorization)] if authorization else said


def of_answer(headers: Pairs, origin: str, here: str) -> list[tuple[bytes, bytes]]:
    """Return what the adapter is to see; redirects within the model's origin lead through the proxy again."""
    return [
        (name.lower(), _redirected(value, origin, here) if name.lower() == b"location" else value)
        for name, value in _kept(headers, _OF_ANSWER)
    ]


def first(headers: Pairs) -> Mapping[bytes, bytes]:
    """Return headers by name; the first of equal names counts."""
    return dict(reversed(list(headers)))


def _kept(headers: Pairs, dropped: frozenset[bytes]) -> Iterable[tuple[bytes, bytes]]:
    pairs = list(headers)
    named = {
        each.strip().lower() for name, value in pairs if name.lower() == b"connection" for each in value.split(b",")
    }
    return ((name, value) for name, value in pairs if name.lower() not in dropped | named)


def _redirected(value: bytes, origin: str, here: str) -> bytes:
    there = origin.encode()
    if value == there or value.startswith(there + b"/"):
        return here.encode() + value.removeprefix(there)
    return value
