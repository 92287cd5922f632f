"""Values of the server's settings as people write them: "1h30m", "10MiB", `-1` for none. The blocks are made of these.

The readers raise ValueError with the end of a sentence that begins with the name of the setting.
"""

import re
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator

YEAR = 31_536_000
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PIECE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)")
_SIZES = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_SIZE = re.compile(r"(\d{1,15})\s?([A-Za-z]{0,3})")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?\.?")


def seconds(value: Any) -> float | None:
    """Read a duration as Go writes it; None means no limit (`-1`)."""
    if _is_number(value, -1):
        return None
    text = str(value)
    pieces = _PIECE.findall(text)
    if not isinstance(value, str) or not pieces or "".join(number + unit for number, unit in pieces) != text:
        raise ValueError(f'must be a duration with its unit, such as "15s", "5m" or "1h30m", or -1; found {value!r}')
    return sum(float(number) * _UNITS[unit] for number, unit in pieces)


def patience(value: Any) -> float:
    """Read a duration of which no limit is a year."""
    found = seconds(value)
    return float(YEAR) if found is None else found


def size(value: Any) -> int | None:
    """Read a number of bytes; None means no limit (`-1`)."""
    if _is_number(value, -1):
        return None
    found = None if isinstance(value, bool | float) else _SIZE.fullmatch(str(value))
    if not found or found[2].upper() not in _SIZES:
        raise ValueError(f'must be a number of bytes, such as 1048576 or "10MiB", or -1; found {value!r}')
    return int(found[1]) * _SIZES[found[2].upper()]


def is_default(value: Any) -> bool:
    """Tell whether a duration or size is one that EvalHub replaces by its default: nothing, or zero."""
    return value in {"", None} or _is_number(value, 0)


def _is_number(value: Any, number: int) -> bool:
    return not isinstance(value, bool) and str(value) == str(number)


def host_name(value: Any) -> str:
    """Read the name or address of a host, without scheme, path and port."""
    text = str(value).strip().lower().removeprefix("[").removesuffix("]")
    try:
        return ip_address(text).compressed
    except ValueError:
        pass
    if not isinstance(value, str) or not _HOST.fullmatch(text):
        raise ValueError(f"must be the name or address of a host, without scheme and port; found {value!r}")
    return text.removesuffix(".")


def origin(value: Any) -> str:
    """Read an origin as browsers send it: `scheme://host:port`, the port left out where it is the scheme's own."""
    text = str(value).strip().lower().removesuffix("/")
    try:
        parts = urlsplit(text)
        port = f":{parts.port}" if parts.port not in {None, {"http": 80, "https": 443}.get(parts.scheme)} else ""
    except ValueError:
        raise ValueError(f"is not an origin: {value!r}") from None
    plain = parts.path == parts.query == parts.fragment == "" and "@" not in parts.netloc
    if not parts.scheme or not parts.hostname or not plain or "*" in text:
        raise ValueError(f"must be one origin, such as https://pages.example:8443; found {value!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def directory(value: Any) -> str:
    """Read an absolute path without steps back."""
    text = str(value)
    if not isinstance(value, str) or not text.startswith("/") or ".." in text.split("/") or "\0" in text:
        raise ValueError(f"must be an absolute path without ..; found {value!r}")
    return text.rstrip("/") or "/"


Duration = Annotated[float | None, BeforeValidator(seconds)]
Patience = Annotated[float, BeforeValidator(patience)]
Size = Annotated[int | None, BeforeValidator(size)]
HostName = Annotated[str, BeforeValidator(host_name)]
Origin = Annotated[str, BeforeValidator(origin)]
Directory = Annotated[str, BeforeValidator(directory)]
