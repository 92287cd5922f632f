"""All operations of the server: one list of the themes' lists, for `serving` and for the API description."""

from evallab.server.config import ServerConfig
from evallab.server.operations import Operation
from evallab.server.routes import about, collections, events, jobs, logs, metrics, providers, results, standing, stream

THEMES = (about, jobs, events, logs, stream, results, standing, collections, providers)
EVERY: tuple[Operation, ...] = tuple(each for theme in (*THEMES, metrics) for each in theme.OPERATIONS)


def operations(config: ServerConfig) -> tuple[Operation, ...]:
    """Return what a server with this configuration serves."""
    if config.prometheus.enabled:
        return EVERY
    return tuple(each for each in EVERY if each not in metrics.OPERATIONS)
