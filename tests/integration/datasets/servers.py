"""Small servers on the loopback that speak as a dataset hub, a plain web server, S3 and git do."""

import hashlib
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

Headers = dict[str, str]
Answer = tuple[int, Headers, bytes]


@dataclass
class Seen:
    """One request."""

    path: str
    headers: Message


@dataclass
class Server:
    """A server while it runs: where it is, and what it was asked."""

    url: str
    requests: list[Seen] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [each.path for each in self.requests]


@contextmanager
def serving(
    answer: Callable[[Seen], Answer],
    *,
    cut: Callable[[Seen], bool] = lambda _: False,
    at: tuple[str, int] = ("127.0.0.1", 0),
) -> Iterator[Server]:
    """Answer GETs; `cut` says which bodies break off in the middle."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            seen = Seen(self.path, self.headers)
            server.requests.append(seen)
            status, headers, body = answer(seen)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            broken = cut(seen)
            with suppress(OSError):  # who asked may be gone
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if broken else body)
            self.close_connection = self.close_connection or broken

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(at, Handler) as http:
        server = Server(f"http://{at[0]}:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def git_oid(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


@dataclass
class Hub:
    """A hub: a repository of a data set, or of a model, its branches, commits; what is large lies elsewhere (LFS)."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    gated: bool = False
    storage: str = ""  #: where redirects lead
    large: frozenset[str] = frozenset()
    kind: str = "datasets"

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        sha = hashlib.sha1(repr(sorted(files.items())).encode(), usedforsecurity=False).hexdigest()
        self.commits[sha], self.branches[branch] = files, sha
        return sha

    def answer(self, seen: Seen) -> Answer:
        parts = urlsplit(seen.path)
        if self.token and seen.headers["Authorization"] != f"Bearer {self.token}":
            code = "GatedRepo" if self.gated else "RepoNotFound"
            return 403 if self.gated else 401, {"X-Error-Code": code}, b"{}"
        files = "" if self.kind == "models" else f"/{self.kind}"
        if match := re.fullmatch(rf"/api/{self.kind}/acme/exam/revision/(.+)", parts.path):
            return self._revision(unquote(match[1]))
        if match := re.fullmatch(rf"/api/{self.kind}/acme/exam/tree/(\w+)", parts.path):
            return self._tree(match[1], seen, parse_qs(parts.query))
        if match := re.fullmatch(rf"{files}/acme/exam/resolve/(\w+)/(.+)", parts.path):
            return self._resolve(match[1], unquote(match[2]), seen)
        return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"

    def _revision(self, revision: str) -> Answer:
        sha = self.branches.get(revision, revision)
        if sha not in self.commits:
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        siblings = [{"rfilename": name} for name in self.commits[sha]]
        return 200, {}, json.dumps({"id": "acme/exam", "sha": sha, "siblings": siblings}).encode()

    def _tree(self, sha: str, seen: Seen, query: dict[str, list[str]]) -> Answer:
        """Two files a page, as the hub pages with a Link."""
        start = int(query.get("cursor", ["0"])[0])
        names = sorted(self.commits[sha])
        page = [self._entry(name, self.commits[sha][name]) for name in names[start : start + 2]]
        after = f"<http://{seen.headers['Host']}{urlsplit(seen.path).path}?recursive=true&cursor={start + 2}>"
        more = {"Link": f'{after}; rel="next"'} if start + 2 < len(names) else {}
        return 200, more, json.dumps([{"type": "directory", "path": "data", "oid": "0"}, *page]).encode()

    def _entry(self, name: str, content: bytes) -> dict[str, object]:
        entry: dict[str, object] = {"type": "file", "path": name, "size": len(content), "oid": git_oid(content)}
        if name in self.large:
            entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
        return entry

    def _resolve(self, sha: str, name: str, seen: Seen) -> Answer:
        content = self.commits[sha][name]
        headers = {"X-Repo-Commit": sha, "ETag": f'"{git_oid(content)}"'}
        if name in self.large:
            linked = {"X-Linked-Etag": hashlib.sha256(content).hexdigest(), "X-Linked-Size": str(len(content))}
            return 302, {**headers, **linked, "Location": f"{self.storage}/{sha}/{name}?X-Amz-Signature=hidden"}, b""
        return ranged(content, seen, headers)

    def stored(self, seen: Seen) -> Answer:
        """The storage that redirects lead to; it must never see the hub's token."""
        if seen.headers["Authorization"]:
            return 400, {}, b"leaked"
        sha, _, name = urlsplit(seen.path).path.strip("/").partition("/")
        return ranged(self.commits[sha][name], seen, {})


def ranged(content: bytes, seen: Seen, headers: Headers) -> Answer:
    match = re.fullmatch(r"bytes=(\d+)-", seen.headers["Range"] or "")
    if match is None:
        return 200, headers, content
    start = int(match[1])
    return 206, {**headers, "Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}, content[start:]


@dataclass
class Bucket:
    """An S3 bucket that answers only what is signed with its key."""

    objects: dict[str, bytes]
    key_id: str = "AKIDEXAMPLE"

    def answer(self, seen: Seen) -> Answer:
        signed = f"AWS4-HMAC-SHA256 Credential={self.key_id}/"
        if not (seen.headers["Authorization"] or "").startswith(signed) or not seen.headers["x-amz-date"]:
            return 403, {}, b"<Error><Code>AccessDenied</Code></Error>"
        parts = urlsplit(seen.path)
        bucket, _, key = unquote(parts.path).strip("/").partition("/")
        if bucket != "lab":
            return 404, {}, b"<Error><Code>NoSuchBucket</Code></Error>"
        if key:
            return (200, {"ETag": '"e"'}, self.objects[key]) if key in self.objects else (404, {}, b"")
        return self._list(parse_qs(parts.query))

    def _list(self, query: dict[str, list[str]]) -> Answer:
        """One object a page."""
        names = [name for name in sorted(self.objects) if name.startswith(query["prefix"][0])]
        start = int(query.get("continuation-token", ["0"])[0])
        one = "".join(
            f"<Contents><Key>{name}</Key><Size>{len(self.objects[name])}</Size><ETag>&quot;e&quot;</ETag></Contents>"
            for name in names[start : start + 1]
        )
        more = f"<NextContinuationToken>{start + 1}</NextContinuationToken>" if start + 1 < len(names) else ""
        space = "http://s3.amazonaws.com/doc/2006-03-01/"
        return (
            200,
            {},
            f'<?xml version="1.0"?><ListBucketResult xmlns="{space}">{one}{more}</ListBucketResult>'.encode(),
        )


def repository(path: Path, files: dict[str, str]) -> str:
    """Make a git repository with one commit, and return the commit."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(path),
        **{f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }

    def git(*args: str) -> str:
        done = subprocess.run(["git", *args], cwd=path, env=environ, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    path.mkdir(exist_ok=True)
    git("init", "-q", "-b", "main")
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    git("add", "-A")
    git("commit", "-q", "-m", "data")
    git("update-server-info")
    return git("rev-parse", "HEAD")
