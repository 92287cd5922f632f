"""The addresses of an OpenAI-compatible server, whichever form of its URL the job names. Used by `client`."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from evallab.api.errors import AdapterFailed

Route = Literal["completions", "chat"]
_PATHS: dict[Route, str] = {"completions": "/completions", "chat": "/chat/completions"}


@dataclass(frozen=True)
class Endpoint:
    """`api` ends where `/completions` begins (usually in /v1); `root` is what serves /version and /tokenize."""

    api: str
    root: str

    def route(self, route: Route) -> str:
        """Return the URL of a route that generates."""
        return self.api + _PATHS[route]

    @property
    def models(self) -> str:
        """Return the URL that lists models."""
        return f"{self.api}/models"

    @property
    def local(self) -> bool:
        """Whether it runs on this machine, where no proxy must be asked."""
        return (urlsplit(self.api).hostname or "") in {"localhost", "127.0.0.1", "::1"}

    def server(self, path: str) -> str:
        """Return the URL of something beside the API: /version, /tokenize, /tokenizer_info."""
        return f"{self.root}{path}"


def endpoint(url: str) -> Endpoint:
    """Normalise `http://host:port`, `…/v1`, `…/v1/completions` and `…/v1/chat/completions` to one endpoint."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise AdapterFailed(
            f"The model's URL {url!r} is not an http(s) address.", remedy="Set model.url, for example http://host/v1."
        )
    base = url.split("?", 1)[0].rstrip("/")
    for suffix in ("/chat/completions", "/completions"):
        base = base.removesuffix(suffix)
    root = base.removesuffix("/v1")
    return Endpoint(api=base if parts.path.strip("/") else f"{base}/v1", root=root)
