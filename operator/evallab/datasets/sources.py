"""Where test data comes from: `testDataRef` and the words of `evallab datasets fetch`, as one value.

Also what a source is called: on disk (`slug`), in messages (`shown`, never with a secret in it), and in the record of
which revision a name meant (`identity`).
"""

import hashlib
import os
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit, urlunsplit

from evallab.api.errors import UsageError
from evallab.api.job import TestData

Kind = Literal["hf", "http", "git", "s3", "path", "bundled"]
KINDS: tuple[Kind, ...] = get_args(Kind)
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_FORMS = "hf:OWNER/NAME[@REVISION], https://…, git+https://…[@REF], s3://BUCKET/KEY, bundled:NAME, or a path"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One place that data comes from. `location`: repository, URL, bucket/key, absolute path or bundled name."""

    kind: Kind
    location: str = field(repr=False)  #: a URL may hold a signature
    revision: str | None = None  #: as it was asked for
    sub_path: str | None = None
    secret: Path | None = None  #: the directory with credentials
    sha256: str | None = None  #: what it must hash to
    confidential: bool = False

    @property
    def shown(self) -> str:
        """The source for people and records, without secrets."""
        place = bare(self.location) if self.kind in {"http", "git"} else self.location
        revision = f"@{self.revision}" if self.revision else ""
        inside = f" ({self.sub_path})" if self.sub_path else ""
        return f"{self.kind} {place}{revision}{inside}"

    @property
    def slug(self) -> str:
        """A file name that differs for different places, whatever the revision."""
        if self.kind == "hf":
            inside = f"--{_safe(self.sub_path)}-{_short(self.sub_path)}" if self.sub_path else ""
            return _safe(self.location) + inside
        if self.kind == "bundled":
            return _safe(self.location)
        name = bare(self.location).rstrip("/").rpartition("/")[2].removesuffix(".git")
        return f"{_safe(name)[:60] or 'data'}-{_short(f'{self.location} {self.sub_path}')}"

    @property
    def identity(self) -> str:
        """The hash of what was asked for."""
        return hashlib.sha256("\n".join([self.kind, self.slug, self.revision or ""]).encode()).hexdigest()[:32]

    @property
    def local(self) -> bool:
        """Whether it is on this machine: read anew each time, and never over the network."""
        return self.kind in {"path", "bundled"}

    @property
    def versioned(self) -> bool:
        """Whether it knows commits; what does not is known by its hash."""
        return self.kind in {"hf", "git"}

    @property
    def pinned(self) -> bool:
        """Whether the revision is a commit, which means the same forever."""
        return bool(self.revision and COMMIT.fullmatch(self.revision))


def of_test_data(data: TestData, directory: Path) -> Source | None:
    """Return the source of a `testDataRef`; None for one of a cluster. Paths start at `directory`."""
    source = partial(Source, sha256=data.sha256, confidential=data.confidential)
    if data.hf:
        hub, secret = data.hf, _secret(data.hf.secret_ref, directory)
        return source(kind="hf", location=hub.repo_id, revision=hub.revision, sub_path=hub.sub_path, secret=secret)
    if data.git:
        git, secret = data.git, _secret(data.git.secret_ref, directory)
        return source(kind="git", location=git.url, revision=git.ref, sub_path=git.sub_path, secret=secret)
    if data.s3:
        secret = _secret(data.s3.secret_ref, directory)
        return source(kind="s3", location=f"{data.s3.bucket}/{data.s3.key}", secret=secret)
    if data.http:
        return source(kind="http", location=data.http)
    if data.path:
        return source(kind="path", location=os.path.abspath(directory / data.path))  # noqa: PTH100 - .. goes, links stay
    return source(kind="bundled", location=data.bundled) if data.bundled else None


def parse(text: str, *, secret: Path | None = None, sha256: str | None = None) -> Source:
    """Return the source that words mean. Raises UsageError."""
    kind, location, revision = _words(text)
    if kind != "path" and not location:
        raise UsageError(f"{text!r} names no dataset.", remedy=f"Known forms: {_FORMS}.")
    if kind == "path":
        location = str(Path(location).expanduser().absolute())
    return Source(kind=kind, location=location, revision=revision, secret=secret, sha256=sha256)


def _words(text: str) -> tuple[Kind, str, str | None]:
    if text.startswith("hf:"):
        location, _, revision = text[3:].partition("@")
        return "hf", location, revision or None
    if text.startswith("git+"):
        head, at, ref = text[4:].rpartition("@")
        return ("git", head, ref) if at and "/" in head.partition("://")[2] else ("git", text[4:], "HEAD")
    if text.startswith(("http://", "https://")):
        return "http", text, None
    if text.startswith("s3://"):
        return "s3", text[5:], None
    if text.startswith("bundled:"):
        return "bundled", text[8:], None
    return "path", text, None


def bare(url: str) -> str:
    """Return a URL without user, password, query and fragment: what may be shown and logged."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def _secret(reference: str | None, directory: Path) -> Path | None:
    return directory / reference.removeprefix("file://") if reference else None


def _safe(text: str | None) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "--", text or "").strip(".-")


def _short(text: str | None) -> str:
    return hashlib.sha256((text or "").encode()).hexdigest()[:8]
