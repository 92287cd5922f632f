"""Reads the file that says what an installation in a cluster is: EVALLAB_CLUSTER_CONFIG. Called by `serving`."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from evallab.api.errors import InvalidManifest, UsageError
from evallab.planning.cluster.config import Installation, read

VARIABLE = "EVALLAB_CLUSTER_CONFIG"
_REMEDY = "The chart sets it; elsewhere, name a file with image, serverUrl and leaderElection, or start with --local."


def installation(environ: Mapping[str, str]) -> Installation:
    """Return what the installation says. Raises UsageError."""
    named = environ.get(VARIABLE)
    if not named:
        raise UsageError(f"{VARIABLE} does not name the file that describes this installation.", remedy=_REMEDY)
    try:
        document = yaml.safe_load(Path(named).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InvalidManifest([f"cannot be read: {error}"], file=named) from error
    if not isinstance(document, dict):
        raise InvalidManifest(["must be a mapping of fields"], file=named)
    return read(document, file=named)
