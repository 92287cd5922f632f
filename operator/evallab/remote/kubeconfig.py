"""What a kube context says of its user: the token that the server may take, and the namespace. Called by `reaching`."""

from dataclasses import dataclass

from evallab.api.errors import UsageError

DEFAULT = "default"  #: the namespace of a context that names none


@dataclass(frozen=True, kw_only=True)
class Context:
    """A kube context; who shows a client certificate has no token."""

    token: str | None
    namespace: str


async def context_of(name: str) -> Context:
    """Return a context of the kubeconfig, logged in if it says how. Raises UsageError."""
    try:
        from kubernetes.aio import config
        from kubernetes.aio.config.kube_config import KubeConfigLoader, KubeConfigMerger

        from evallab.kubeapi.client import of_context
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--context needs the Python package {error.name!r}, which is not installed.",
            remedy="Install evallab[cluster], or set EVALLAB_URL and EVALLAB_TOKEN.",
        ) from error
    api = await of_context(name)
    try:
        said = str(api.configuration.api_key.get("BearerToken") or "").removeprefix("Bearer ")
    finally:
        await api.close()
    merged = KubeConfigMerger(config.KUBE_CONFIG_DEFAULT_LOCATION).config  # type: ignore[no-untyped-call]
    loader = KubeConfigLoader(merged, active_context=name)  # type: ignore[no-untyped-call]
    known = loader.list_contexts()  # type: ignore[no-untyped-call]
    namespaces = {each["name"]: each["context"].get("namespace") for each in known}
    return Context(token=said or None, namespace=namespaces.get(name) or DEFAULT)
