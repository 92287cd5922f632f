"""Where a command goes when it does not work here. Made by `cli.place`, used by `reaching`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server: its URL, or a kube context and the Service (`namespace/name`) to reach through it."""

    url: str | None = None
    context: str | None = None
    service: str = "evallab/evallab"
    token: str | None = None  #: bearer token; with a context, that of the context unless one is given
    tenant: str | None = None  #: X-Tenant: the namespace of the jobs in a cluster; with a context, that of the context

    def __str__(self) -> str:
        """Name it for people."""
        return self.url or f"the Service {self.service} of the kube context {self.context!r}"
