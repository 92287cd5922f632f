"""Which permission of Kubernetes' own RBAC a request needs. Pure; `access` asks for it, the docs list it.

Jobs are the resource `evaljobs` of the group evallab.dev. Providers and collections are no objects of the cluster, but
roles can name them all the same. Events posted by hand are `evaljobs/events`, so who may only report needs no more.
"""

from dataclasses import dataclass

GROUP = "evallab.dev"
API = "/api/v1/evaluations/"
OPEN = frozenset(
    {"/api/v1/health", "/api/v1/version", "/livez", "/readyz", "/openapi.yaml", "/docs", "/metrics"}
)  #: what nobody has to log in for: it says nothing of anybody's jobs
_RESOURCES = {"jobs": "evaljobs", "providers": "providers", "collections": "collections"}
_VERBS = {"DELETE": "delete", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True)
class Permission:
    """What a role must allow in the tenant's namespace."""

    verb: str
    resource: str
    subresource: str = ""

    def __str__(self) -> str:
        kind = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        return f"{self.verb} {kind}.{GROUP}"


def needed(method: str, path: str) -> Permission | None:
    """Return what a request needs; None for what is open to everybody. A path that is nobody's needs something too."""
    if path in OPEN:
        return None
    kind, *rest = path.removeprefix(API).split("/") if path.startswith(API) else ("jobs", "")
    resource = _RESOURCES.get(kind, "evaljobs")
    if method in {"GET", "HEAD"}:
        return Permission("get" if rest else "list", resource)
    if method != "POST":
        return Permission(_VERBS.get(method, "update"), resource)
    if rest[1:] == ["events"]:
        return Permission("create", resource, "events")
    makes = not rest or rest[1:] in (["clones"], ["reproductions"])
    return Permission("create" if makes else "update", resource)
