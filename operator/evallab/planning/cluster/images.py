"""Which images a cluster runs for a provider: those of a mirror; of what was made over REST only allowed ones. Pure.

The admission policy of the chart sees what EvalJobs name, not what their providers name: `is_allowed` says the same as
its expression.
"""

from collections.abc import Mapping, Sequence

from evallab.api.provider import K8sRuntime, Provider


def is_allowed(image: str, among: Sequence[str]) -> bool:
    """Say whether an image is one of these registries, repositories or images; without any, all are allowed."""
    if not among:
        return True
    beginnings = [(each if each.endswith("/") else f"{each}/", f"{each}:", f"{each}@") for each in among]
    return image in among or any(image.startswith(each) for each in beginnings)


def refused(provider: Provider, among: Sequence[str]) -> str | None:
    """Return the image of a provider if it is not allowed."""
    image = provider.runtime.k8s.image if provider.runtime and provider.runtime.k8s else ""
    return image if image and not is_allowed(image, among) else None


def without_image(provider: Provider) -> Provider:
    """Return a provider that runs in no cluster."""
    if provider.runtime is None:
        return provider
    return provider.model_copy(update={"runtime": provider.runtime.model_copy(update={"k8s": None})})


def pulled(provider: Provider, images: Mapping[str, str]) -> Provider:
    """Return a provider with the image that an installation pulls instead of the one that it names."""
    runtime = provider.runtime
    if runtime is None or runtime.k8s is None or not runtime.k8s.image:
        return provider
    k8s: K8sRuntime = runtime.k8s
    image = images.get(_name(k8s.image), k8s.image)
    if image == k8s.image:
        return provider
    update = {"k8s": k8s.model_copy(update={"image": image})}
    return provider.model_copy(update={"runtime": runtime.model_copy(update=update)})


def _name(image: str) -> str:
    """Return an image's name without digest and tag."""
    name = image.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name
