"""HTTP as every source uses it: patient with what passes, quick with what does not, silent about credentials.

A request is repeated after a broken connection, 429 and 5xx; other refusals become the reason they are. `Authorization`
is not sent along when a redirect leads to another host.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeVar

import httpx

from evallab.datasets.failures import DatasetCredentials, DatasetFailed, DatasetNotFound, DatasetTimeout
from evallab.datasets.sources import bare
from evallab.datasets.watch import Watch

TRIES = 4
PAUSE_S = 0.5  #: before the second try; then twice as long each time
TIMEOUT = httpx.Timeout(30.0, connect=15.0)
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
T = TypeVar("T")
Headers = Mapping[str, str]
Sign = Callable[[str], Headers]  #: the headers of a request for a URL, made anew for each try


@dataclass
class Refusal(Exception):
    """A reply that is not a success; who asked knows what it means."""

    status: int
    url: str
    headers: httpx.Headers


class Transfer:
    """The requests of one fetch."""

    def __init__(self, client: httpx.Client, watch: Watch) -> None:
        """Use a client."""
        self._client, self._watch = client, watch

    def get(self, url: str, sign: Sign = lambda _: {}) -> httpx.Response:
        """Return a small reply. Raises Refusal, DatasetTimeout, DatasetFailed."""

        def ask() -> httpx.Response:
            return _accepted(self._client.get(url, headers=dict(sign(url))))

        return self._patiently(url, ask)

    def download(
        self,
        url: str,
        target: Path,
        *,
        sign: Sign = lambda _: {},
        resume: bool = False,
        seen: Callable[[httpx.Response], None] = lambda _: None,
    ) -> None:
        """Write a body to `target`, which appears when it is complete; `resume` continues what is there already.

        `seen` is called with the reply before its body is read.
        """
        part = target.with_name(f"{target.name}.part")
        if not resume:
            part.unlink(missing_ok=True)
        self._patiently(url, lambda: self._body(url, part, sign, seen, resume=resume))
        part.replace(target)

    def _body(self, url: str, part: Path, sign: Sign, seen: Callable[[httpx.Response], None], *, resume: bool) -> None:
        have = part.stat().st_size if resume and part.exists() else 0
        headers = {"Accept-Encoding": "identity", **sign(url)} | ({"Range": f"bytes={have}-"} if have else {})
        with self._client.stream("GET", url, headers=headers) as response:
            if response.status_code == 416:  # it was complete, or is another file
                part.unlink()
                raise httpx.RemoteProtocolError("the partial file does not fit")
            seen(_accepted(response))
            more = response.status_code == 206
            with part.open("ab" if more else "wb") as file:
                self._watch.tick(have if more else 0)
                for piece in response.iter_bytes():
                    file.write(piece)
                    self._watch.tick(len(piece))

    def _patiently(self, url: str, ask: Callable[[], T]) -> T:
        for number in range(1, TRIES + 1):
            done, wait = self._watch.done, PAUSE_S * 2 ** (number - 1)
            try:
                return ask()
            except Refusal as refusal:
                if refusal.status not in _PASSING or number == TRIES:
                    raise
                wait = max(wait, _asked_to_wait(refusal.headers))
            except httpx.HTTPError as error:
                if number == TRIES:
                    raise _unreachable(url, error) from None
            self._watch.done = done
            self._watch.rest(wait)
        raise AssertionError("unreachable")


@contextmanager
def client(headers: Headers | None = None) -> Iterator[httpx.Client]:
    """Open a client that follows redirects and the proxies of the environment."""
    with httpx.Client(follow_redirects=True, timeout=TIMEOUT, headers=dict(headers or {})) as opened:
        yield opened


def failure(refusal: Refusal, what: str) -> DatasetFailed:
    """Say what a refusal means for a source that has no better words."""
    status, place = refusal.status, f"{bare(refusal.url)} (HTTP {refusal.status})"
    if status in {401, 403, 407}:
        return DatasetCredentials(
            f"{what} wants credentials, or other ones: {place}.",
            remedy="Name a directory with credentials in testDataRef…secretRef, or on the command line in --secret.",
        )
    if status in {404, 410}:
        return DatasetNotFound(f"{what} does not exist: {place}.", remedy="Check its name and revision.")
    if status in {408, 504}:
        return DatasetTimeout(f"{what} did not come in time: {place}.", remedy="Try again later.")
    return DatasetFailed(f"{what} could not be fetched: {place}.", remedy="Try again later; see the server's log.")


def secret_of(directory: Path | None, *names: str) -> str | None:
    """Return the first of the credentials that a directory has. Raises DatasetCredentials for one that is not there."""
    if directory is None:
        return None
    if not directory.is_dir():
        raise DatasetCredentials(
            f"There is no directory {directory} with credentials.", remedy="Correct secretRef, or --secret."
        )
    for name in names:
        file = directory / name
        if file.is_file() and os.access(file, os.R_OK):
            return file.read_text(encoding="utf-8").strip() or None
    return None


def _accepted(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        raise Refusal(response.status_code, str(response.url), response.headers)
    return response


def _unreachable(url: str, error: httpx.HTTPError) -> DatasetFailed:
    """Only the kind of the error is told: its words may hold the URL, and that a signature."""
    place, kind = bare(url), type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return DatasetTimeout(f"{place} did not answer in time ({kind}).", remedy="Try again, or fetch it beforehand.")
    return DatasetFailed(f"{place} cannot be reached ({kind}).", remedy="Check the network, the proxy and the address.")


def _asked_to_wait(headers: httpx.Headers) -> float:
    """Return the seconds of Retry-After, at most a minute."""
    text = headers.get("retry-after", "")
    if text.isdecimal():
        return min(60.0, float(text))
    try:
        date, now = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return 0.0
    return min(60.0, max(0.0, (date - now).total_seconds()))
