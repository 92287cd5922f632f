"""AWS Signature Version 4 for a GET without a body: what S3 and everything that speaks like it wants. Pure.

Written out because the libraries that have it bring a hundred megabytes; tests hold it against AWS's own examples.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, quote, unquote, urlsplit

EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Whose request it is."""

    key_id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    region: str = "us-east-1"


def signed(
    url: str, credentials: Credentials, *, now: datetime, headers: Mapping[str, str] | None = None, service: str = "s3"
) -> dict[str, str]:
    """Return the headers of a signed GET of `url` at `now` (UTC); `headers` are further ones to sign."""
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    sent = {"x-amz-date": stamp, **(headers or {})}
    if service == "s3":
        sent["x-amz-content-sha256"] = EMPTY
    if credentials.token:
        sent["x-amz-security-token"] = credentials.token
    scope = f"{stamp[:8]}/{credentials.region}/{service}/aws4_request"
    names, request = _request(url, sent)
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    signature = hmac.new(_key(credentials, stamp[:8], service), text.encode(), hashlib.sha256).hexdigest()
    sent["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return sent


def _request(url: str, headers: Mapping[str, str]) -> tuple[str, str]:
    """Return the names of the signed headers, and the canonical request."""
    parts = urlsplit(url)
    all_headers = {"host": parts.netloc, **{name.lower(): value.strip() for name, value in headers.items()}}
    names = ";".join(sorted(all_headers))
    query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(_pairs(parts.query)))
    lines = [f"{name}:{all_headers[name]}" for name in sorted(all_headers)]
    path = quote(unquote(parts.path or "/"), safe="/-_.~")
    return names, "\n".join(["GET", path, query, *lines, "", names, EMPTY])


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


def _key(credentials: Credentials, date: str, service: str) -> bytes:
    key = f"AWS4{credentials.secret}".encode()
    for part in (date, credentials.region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
