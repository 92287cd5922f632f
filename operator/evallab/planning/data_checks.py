"""Is a `testDataRef` an address at all? One of the checks of `checks`; the fetch finds out what is there."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from evallab.api.job import Serve, TestData
from evallab.planning.subject import Subject

_REPO = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?")
CREDENTIALS = "a directory with credentials"
KEY_DIRECTORY = "on one computer a directory with the file api-key"
_REF = re.compile(r"[A-Za-z0-9_][^\s\\~^:?*\[\x00-\x1f]*")


def data_is_addressable(subject: Subject) -> Iterator[str]:
    """URLs are http(s) without passwords, repositories and refs are names, and nothing leads out of a snapshot."""
    for where, benchmark in subject.entries():
        if benchmark.test_data:
            yield from (f"{where}.testDataRef.{problem}" for problem in _problems(benchmark.test_data))


def data_secret(data: TestData | None) -> str | None:
    """Return the directory with credentials that a source names."""
    sources = (data.hf, data.git, data.s3) if data else ()
    return next((source.secret_ref for source in sources if source and source.secret_ref), None)


def weights_secret(serve: Serve | None) -> str | None:
    """Return the directory with credentials for weights of a hub."""
    hub = serve.source.hf if serve and serve.source else None
    return hub.secret_ref.removeprefix("file://") if hub and hub.secret_ref else None


def _problems(data: TestData) -> Iterator[str]:
    if data.http and (problem := _url(data.http)):
        yield f"http: {problem}"
    if data.git and (problem := _url(data.git.url)):
        yield f"git.url: {problem}"
    if data.git and (not _REF.fullmatch(data.git.ref) or ".." in data.git.ref):
        yield "git.ref: is not the name of a commit, tag or branch"
    if data.hf and (not _REPO.fullmatch(data.hf.repo_id) or ".." in data.hf.repo_id):
        yield "hf.repoId: must be OWNER/NAME"
    for name, source in (("hf", data.hf), ("git", data.git)):
        if source and source.sub_path and ".." in source.sub_path.split("/"):
            yield f"{name}.subPath: may not hold .."


def _url(url: str) -> str:
    """Return what is wrong with a URL."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return "is not a URL"
    if parts.scheme not in {"http", "https"}:
        return "must begin with http:// or https://"
    if not host:
        return "has no host"
    return "must not hold a user name or password; use secretRef" if "@" in parts.netloc else ""
