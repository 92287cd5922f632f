"""Repositories of a hub that speaks as Hugging Face's does: the commit behind a name, the list of files, their bytes.

Every file is checked against what the list says of it: large files by their sha256, others by their git object id. The
hub's own client library is not used: it belongs to an adapter's extra, reads its settings at import, and hides which
refusal was which.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import httpx

from evallab.datasets.failures import DatasetCredentials, DatasetFailed, DatasetNotFound
from evallab.datasets.interface import Work
from evallab.datasets.manifest import inside
from evallab.datasets.sources import Source, bare
from evallab.datasets.transfer import Headers, Refusal, Transfer, failure, secret_of
from evallab.datasets.watch import Watch

ENDPOINT = "https://huggingface.co"
_REPO = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?")


@dataclass(frozen=True)
class HubFile:
    """One file of a repository at a commit."""

    path: str
    size: int
    git_oid: str
    sha256: str | None


class Repository:
    """One repository of a hub: of a dataset, or of a model (`weights`)."""

    def __init__(
        self,
        source: Source,
        watch: Watch,
        environ: Mapping[str, str],
        client: httpx.Client,
        *,
        kind: Literal["dataset", "model"] = "dataset",
    ) -> None:
        """Read the token from the secret's directory."""
        if not _REPO.fullmatch(source.location) or ".." in source.location:
            raise DatasetNotFound(f"{source.location!r} is no name of a {kind}.", remedy="It is OWNER/NAME.")
        self._source, self._kind = source, kind
        self.endpoint = (environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")
        self._transfer = Transfer(client, watch)
        self._token = secret_of(source.secret, "hf-token", "token", "api-key")

    def resolve(self) -> str:
        """Return the commit of the revision, `main` when none was asked for."""
        url = self._api("revision", self._source.revision or "main")
        commit = str(self._json(url).get("sha") or "")
        if not re.fullmatch(r"[0-9a-f]{40}", commit):
            raise DatasetFailed(f"{bare(url)} names no commit.", remedy="Is it a hub?")
        return commit

    def files(self, commit: str) -> list[HubFile]:
        """Return the files of a commit, those below `subPath` only."""
        found = [each for each in self._listed(commit) if _wanted(each.path, self._source.sub_path)]
        if not found:
            raise DatasetNotFound(f"{self._source.shown} holds no files.", remedy="Check subPath.")
        return found

    def fetch(self, file: HubFile, commit: str, target: Path) -> None:
        """Bring a file to its place, going on with what is there of it, and check that it is the one listed."""
        target.parent.mkdir(parents=True, exist_ok=True)
        prefix = "datasets/" if self._kind == "dataset" else ""
        url = f"{self.endpoint}/{prefix}{self._source.location}/resolve/{commit}/{quote(file.path)}"
        try:
            self._transfer.download(url, target, sign=self._sign, resume=True, seen=lambda reply: _check(reply, commit))
        except Refusal as refusal:
            raise self._failure(refusal) from None
        if not complete(target, file):
            target.unlink()
            raise DatasetFailed(f"{file.path} of {self._source.shown} arrived damaged.", remedy="Fetch it again.")

    def _listed(self, commit: str) -> Iterator[HubFile]:
        url: str | None = self._api("tree", commit) + "?recursive=true"
        while url:
            reply = self._reply(url)
            yield from (_file(each) for each in reply.json() if each.get("type") == "file")
            url = reply.links.get("next", {}).get("url")

    def _api(self, what: str, revision: str) -> str:
        return f"{self.endpoint}/api/{self._kind}s/{self._source.location}/{what}/{quote(revision, safe='')}"

    def _json(self, url: str) -> dict[str, Any]:
        try:
            content = self._reply(url).json()
        except ValueError:
            content = None
        return content if isinstance(content, dict) else {}

    def _reply(self, url: str) -> httpx.Response:
        try:
            return self._transfer.get(url, self._sign)
        except Refusal as refusal:
            raise self._failure(refusal) from None

    def _sign(self, _url: str) -> Headers:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _failure(self, refusal: Refusal) -> DatasetFailed:
        """Say what the hub means: it answers 401 also for what does not exist, and says which in X-Error-Code."""
        what, code = f"{self._kind} {self._source.shown}", refusal.headers.get("x-error-code", "")
        if code == "GatedRepo":
            return DatasetCredentials(
                f"The {what} is gated.",
                remedy="Accept its terms on the hub, and put a token of that account into `hf-token` of the secret.",
            )
        if code == "RevisionNotFound":
            return DatasetNotFound(f"The {what} has no such revision.", remedy="Check hf.revision.")
        if code == "RepoNotFound":
            return DatasetNotFound(
                f"The {what} does not exist, or is private.",
                remedy="Check hf.repoId; for a private one put a token into `hf-token` of the secret.",
            )
        return failure(refusal, f"The {what}")


class Hub:
    """One dataset repository, as `fetching` asks for it."""

    def __init__(self, source: Source, work: Work, client: httpx.Client) -> None:
        """Read the token from the secret's directory."""
        self._source, self._work = source, work
        self._repository = Repository(source, work.watch, work.environ, client)

    def resolve(self) -> str | None:
        """Return the commit of the revision, `main` when none was asked for."""
        return self._repository.resolve()

    def download(self, revision: str | None, into: Path) -> dict[str, Any]:
        """Fetch what is missing of the files of a commit."""
        commit = str(revision)
        files = self._repository.files(commit)
        missing = [each for each in files if not complete(inside(into, _name(each, self._source)), each)]
        self._work.snapshots.require(sum(each.size for each in missing))
        self._work.watch.begin(f"fetching {self._source.shown}", sum(each.size for each in missing))
        for each in missing:
            self._repository.fetch(each, commit, inside(into, _name(each, self._source)))
        return {"endpoint": bare(self._repository.endpoint), "commit": commit}


def _check(reply: httpx.Response, commit: str) -> None:
    """Redirects lead to where the bytes lie; the first reply says which commit they are of."""
    first = reply.history[0] if reply.history else reply
    said = first.headers.get("x-repo-commit", commit)
    if said != commit:
        raise DatasetFailed(f"The hub sent a file of commit {said[:12]} instead of {commit[:12]}.")


def _file(entry: dict[str, Any]) -> HubFile:
    lfs = entry.get("lfs") or {}
    return HubFile(
        path=str(entry["path"]),
        size=int(lfs.get("size") or entry.get("size") or 0),
        git_oid=str(entry.get("oid") or ""),
        sha256=lfs.get("oid") or None,
    )


def _wanted(path: str, sub_path: str | None) -> bool:
    wanted = (sub_path or "").strip("/")
    return not wanted or path == wanted or path.startswith(f"{wanted}/")


def _name(file: HubFile, source: Source) -> str:
    """Return a file's name in the snapshot: relative to `subPath`, which may be the file itself."""
    wanted = (source.sub_path or "").strip("/")
    if not wanted:
        return file.path
    return file.path.rpartition("/")[2] if file.path == wanted else file.path.removeprefix(f"{wanted}/")


def complete(path: Path, file: HubFile, tick: Callable[[], None] = lambda: None) -> bool:
    """Tell whether a file is there and is the one that the list names; `tick` is called for every piece."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    hashed = hashlib.sha256() if file.sha256 else hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            hashed.update(piece)
            tick()
    return hashed.hexdigest() == (file.sha256 or file.git_oid)
