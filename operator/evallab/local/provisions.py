"""What model servers of a home need, wired from the settings: weights and environments. Used by `lab` and `envs`."""

from collections.abc import Mapping

from evallab.datasets.weights import WeightsCache, cache_of
from evallab.engine.provisions import Provisions
from evallab.modelserver.environments import Environments
from evallab.settings import Settings


def provisions(settings: Settings, environ: Mapping[str, str]) -> Provisions:
    """Return what brings weights and environments here; of `environ` it keeps places, addresses and proxies."""
    offline = settings.offline or environ.get("HF_HUB_OFFLINE", "") not in {"", "0"}
    cache = WeightsCache(
        cache=cache_of(environ), records=settings.home / "weights", environ=dict(environ), offline=offline
    )
    return Provisions(cache=cache, environments=environments(settings, environ), path=environ.get("PATH"))


def environments(settings: Settings, environ: Mapping[str, str]) -> Environments:
    """Return the managed environments of a home."""
    return Environments(root=settings.home / "environments", environ=dict(environ), offline=settings.offline)
