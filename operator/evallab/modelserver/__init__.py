"""The inference engines that evallab starts for a job: how each is started, found ready and identified.

Both runtimes use it: local subprocesses run `ServerCommand.argv`, Kubernetes puts the same command into a container.
Importing this package is cheap; the engines themselves live in their own processes.
"""

from evallab.modelserver.interface import FileDigest, Fingerprint, ModelServer, ServerCommand, ServeRequest
from evallab.modelserver.registry import runtimes, server

__all__ = [
    "FileDigest",
    "Fingerprint",
    "ModelServer",
    "ServeRequest",
    "ServerCommand",
    "runtimes",
    "server",
]
