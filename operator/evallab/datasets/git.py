"""Data in a git repository, by the `git` program: one commit without its history. Links become plain files."""

import base64
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from evallab.datasets.failures import DatasetCredentials, DatasetFailed, DatasetNotFound
from evallab.datasets.interface import Work
from evallab.datasets.manifest import inside
from evallab.datasets.sources import Source, bare
from evallab.datasets.transfer import secret_of

_SAFE = ("-c", "core.symlinks=false", "-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false",
         "-c", "credential.helper=", "-c", "gc.auto=0")  # fmt: skip
_CREDENTIALS = ("authentication failed", "could not read username", "403", "401", "permission denied", "access denied")
_MISSING = ("not found", "couldn't find remote ref", "does not exist", "does not appear to be a git repository",
            "not our ref", "repository not exported", "404")  # fmt: skip


class Git:
    """One repository."""

    def __init__(self, source: Source, work: Work) -> None:
        """Read user and password from the secret's directory."""
        self._source, self._work = source, work
        self._what = f"The repository {bare(source.location)}"
        user, password = secret_of(source.secret, "username"), secret_of(source.secret, "password", "api-key")
        self._environ = _environ(work.environ, source.location, (user or "git", password) if password else None)

    def resolve(self) -> str | None:
        """Return the commit of the ref."""
        if self._source.pinned:
            return self._source.revision
        self._work.watch.begin(f"resolving {self._source.shown}")
        ref = self._source.revision or "HEAD"
        lines = self._git("ls-remote", "--", self._source.location, ref, f"{ref}^{{}}").splitlines()
        refs = {name: commit for commit, _, name in (line.partition("\t") for line in lines)}
        wanted = (f"refs/tags/{ref}^{{}}", f"refs/heads/{ref}", f"refs/tags/{ref}", f"{ref}^{{}}", ref)
        commit = next((refs[name] for name in wanted if name in refs), None)
        if commit is None:
            raise DatasetNotFound(f"{self._what} has no ref {ref!r}.", remedy="Check git.ref.")
        return commit

    def download(self, revision: str | None, into: Path) -> dict[str, Any]:
        """Fetch one commit and move the wanted files of it into place."""
        commit, checkout = str(revision), into.parent / "checkout"
        shutil.rmtree(checkout, ignore_errors=True)
        self._work.snapshots.require(0)
        self._work.watch.begin(f"fetching {self._source.shown}")
        self._git("init", "--quiet", "--", str(checkout))
        self._fetch(commit, checkout)
        self._git("-C", str(checkout), "checkout", "--quiet", "--detach", commit)
        shutil.rmtree(checkout / ".git")
        self._move(checkout, into)
        shutil.rmtree(checkout, ignore_errors=True)
        return {"commit": commit}

    def _fetch(self, commit: str, checkout: Path) -> None:
        """Ask for the commit alone; a server that gives only refs is asked for everything."""
        fetch = ("-C", str(checkout), "fetch", "--quiet", "--no-tags")
        try:
            self._git(*fetch, "--depth=1", "--", self._source.location, commit)
        except (DatasetCredentials, DatasetNotFound):
            raise
        except DatasetFailed:
            self._git(*fetch, "--", self._source.location, "+refs/*:refs/fetched/*")

    def _move(self, checkout: Path, into: Path) -> None:
        wanted = (self._source.sub_path or "").strip("/")
        found = inside(checkout, wanted) if wanted else checkout
        if not found.exists():
            raise DatasetNotFound(
                f"{self._source.shown}: there is no such folder or file.", remedy="Check git.subPath."
            )
        for path in [found] if found.is_file() else list(found.iterdir()):
            path.rename(into / path.name)
        if not any(path.is_file() for path in into.rglob("*")):
            raise DatasetNotFound(f"{self._source.shown} holds no files.", remedy="Check git.ref and git.subPath.")

    def _git(self, *args: str) -> str:
        try:
            process = subprocess.Popen(
                ["git", *_SAFE, *args],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
        except FileNotFoundError:
            raise DatasetFailed("The program git is not installed.", remedy="Install git.") from None
        with process:
            out, complaint = self._ended(process)
        if process.returncode:
            raise self._failure(complaint)
        return out

    def _ended(self, process: "subprocess.Popen[str]") -> tuple[str, str]:
        try:
            while True:
                try:
                    return process.communicate(timeout=0.2)
                except subprocess.TimeoutExpired:
                    self._work.watch.tick()
        except BaseException:
            process.kill()
            raise

    def _failure(self, complaint: str) -> DatasetFailed:
        """Say what git means. Its own words are not repeated: they may hold the URL, and that a password."""
        words = complaint.lower()
        if any(each in words for each in _CREDENTIALS):
            return DatasetCredentials(
                f"{self._what} wants credentials, or other ones.",
                remedy="Name a directory with `username` and `password` in git.secretRef.",
            )
        if any(each in words for each in _MISSING):
            return DatasetNotFound(f"{self._what} or its ref {self._source.revision!r} does not exist.")
        return DatasetFailed(f"{self._what} could not be fetched.", remedy="Try it by hand: git ls-remote URL.")


def _environ(environ: Mapping[str, str], url: str, login: tuple[str, str] | None) -> dict[str, str]:
    """Return git's environment: nobody is asked for a password, and one that we have is in no argument list."""
    kept = {**{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}, **environ}
    kept |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "LC_ALL": "C", "GIT_ALLOW_PROTOCOL": "http:https:file"}
    if login is None:
        return kept
    place, token = urlsplit(url), base64.b64encode(":".join(login).encode()).decode()
    settings = {
        f"http.{place.scheme}://{place.netloc}/.extraHeader": f"Authorization: Basic {token}",
        "http.followRedirects": "false",
    }
    for number, (name, value) in enumerate(settings.items()):
        kept |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return {**kept, "GIT_CONFIG_COUNT": str(len(settings))}
