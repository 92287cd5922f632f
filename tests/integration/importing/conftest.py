"""What the tests of the commands use, here too."""

from tests.integration.cli.conftest import evallab

__all__ = ["evallab"]
