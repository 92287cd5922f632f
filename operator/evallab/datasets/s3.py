"""An object of an S3 bucket, or all below a prefix. Signed when the secret has keys, else asked as everybody may."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

import httpx

from evallab.datasets.failures import DatasetCredentials, DatasetFailed, DatasetNotFound
from evallab.datasets.interface import Work
from evallab.datasets.manifest import inside
from evallab.datasets.sigv4 import Credentials, signed
from evallab.datasets.sources import Source
from evallab.datasets.transfer import Headers, Refusal, Transfer, failure, secret_of

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_S3_ENDPOINT")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True)
class Object:
    """One object of a listing."""

    key: str
    size: int
    etag: str


class Bucket:
    """One object, or the objects below a prefix."""

    def __init__(self, source: Source, work: Work, client: httpx.Client) -> None:
        """Read keys, region and endpoint from the secret's directory."""
        self._source, self._work = source, work
        self._bucket, _, self._key = source.location.partition("/")
        if not self._bucket or not self._key:
            raise DatasetNotFound("An S3 source is BUCKET/KEY.", remedy="Check s3.bucket and s3.key.")
        self._transfer = Transfer(client, work.watch)
        self._credentials = credentials_of(source)
        self._base = _base(secret_of(source.secret, *ENDPOINTS), self._bucket, _region(source))

    def resolve(self) -> str | None:
        """A bucket knows no commits."""
        return None

    def download(self, revision: str | None, into: Path) -> dict[str, Any]:  # noqa: ARG002 - there is only one
        """Fetch what the listing of the key as a prefix names: the object itself, else what lies below it."""
        self._work.watch.begin(f"listing {self._source.shown}")
        objects = _meant(list(self._listed()), self._key)
        if not objects:
            raise DatasetNotFound(f"{self._source.shown} does not exist.", remedy="Check s3.bucket and s3.key.")
        total = sum(each.size for each in objects)
        self._work.snapshots.require(total)
        self._work.watch.begin(f"fetching {self._source.shown}", total)
        for each in objects:
            self._fetch(each, inside(into, _name(each.key, self._key)))
        return {"etags": {_name(each.key, self._key): each.etag for each in objects}}

    def _fetch(self, thing: Object, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._transfer.download(f"{self._base}/{quote(thing.key, safe='/-_.~')}", target, sign=self._sign)
        except Refusal as refusal:
            raise failure(refusal, f"The object {thing.key}") from None
        if target.stat().st_size != thing.size:
            raise DatasetFailed(f"The object {thing.key} changed while it was fetched.", remedy="Fetch it again.")

    def _listed(self) -> Iterator[Object]:
        token: str | None = None
        while True:
            asked = {"list-type": "2", "prefix": self._key} | ({"continuation-token": token} if token else {})
            page = _parsed(self._page(f"{self._base}/?{urlencode(sorted(asked.items()), quote_via=quote)}"))
            yield from (_object(each) for each in page.findall("{*}Contents"))
            token = page.findtext("{*}NextContinuationToken")
            if not token:
                return

    def _page(self, url: str) -> bytes:
        try:
            return self._transfer.get(url, self._sign).content
        except Refusal as refusal:
            raise failure(refusal, f"The bucket {self._bucket}") from None

    def _sign(self, url: str) -> Headers:
        return signed(url, self._credentials, now=datetime.now(UTC)) if self._credentials else {}


def credentials_of(source: Source) -> Credentials | None:
    """Return the keys of the secret, None without a secret. Raises DatasetCredentials for half of them."""
    if source.secret is None:
        return None
    key_id, secret = secret_of(source.secret, "AWS_ACCESS_KEY_ID"), secret_of(source.secret, "AWS_SECRET_ACCESS_KEY")
    if not key_id and not secret:
        return None
    if not key_id or not secret:
        raise DatasetCredentials(
            f"{source.secret} has only half of a key.", remedy="It needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    token = secret_of(source.secret, "AWS_SESSION_TOKEN")
    return Credentials(key_id=key_id, secret=secret, token=token, region=_region(source))


def _region(source: Source) -> str:
    return secret_of(source.secret, *REGIONS) or "us-east-1"


def _base(endpoint: str | None, bucket: str, region: str) -> str:
    """Return the bucket's URL: in the path for an endpoint that was named, in the host name for AWS."""
    if endpoint is None:
        return f"https://{bucket}.s3.{region}.amazonaws.com"
    if urlsplit(endpoint).scheme not in {"http", "https"}:
        raise DatasetFailed("The S3 endpoint is no http(s) URL.", remedy=f"Correct {ENDPOINTS[1]} in the secret.")
    return f"{endpoint.rstrip('/')}/{quote(bucket)}"


def _parsed(content: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(content)  # noqa: S314 - the user's own bucket; expat limits entities
    except ElementTree.ParseError:
        raise DatasetFailed("The answer is no S3 listing.", remedy="Is the endpoint one of S3?") from None


def _object(entry: ElementTree.Element) -> Object:
    etag = (entry.findtext("{*}ETag") or "").strip('"')
    return Object(key=entry.findtext("{*}Key") or "", size=int(entry.findtext("{*}Size") or 0), etag=etag)


def _meant(objects: list[Object], key: str) -> list[Object]:
    """Return the object of that key if there is one, else those below it; a prefix ends at a slash."""
    exact = [each for each in objects if each.key == key and not key.endswith("/")]
    below = key.rstrip("/") + "/"
    return exact or [each for each in objects if each.key.startswith(below) and not each.key.endswith("/")]


def _name(key: str, asked: str) -> str:
    return key.rpartition("/")[2] if key == asked else key.removeprefix(asked.rstrip("/") + "/")
