"""Where the jobs of these tests run."""

from collections.abc import Callable

import pytest
from tests.cluster.disturbing import Place
from tests.cluster.installation import Installed


@pytest.fixture
def place(evallab: Installed, namespace: str, record_property: Callable[[str, object], None]) -> Place:
    """A namespace of the test's own in the cluster with the installed chart."""
    return Place(evallab, namespace, record_property)
