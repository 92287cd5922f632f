"""The databases of the integration tests, for the tests of migrations."""

import pytest
from tests.integration.conftest import Create, create_database, empty_database_url, open_home, server

__all__ = ["create_database", "empty_database_url", "open_home", "server"]


@pytest.fixture
def second_database_url(create_database: Create) -> str:
    """The URL of another database without anything of ours."""
    return create_database("template1")
