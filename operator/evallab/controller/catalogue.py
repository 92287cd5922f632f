"""What an operator needs of the catalogue: files of the installation, and what was made over REST, always as of now.

`cli.operator_` gives the server's live catalogue, which is one; so both take the same jobs.
"""

from collections.abc import Mapping
from typing import Protocol

from evallab.api.provider import Provider
from evallab.planning.catalog_view import CatalogView


class Catalogue(Protocol):
    """Providers and collections as tenants may use them."""

    async def load(self, *, strict: bool = False) -> None:
        """Read everything. Raises InvalidManifest for broken files, StoreUnavailable."""

    async def watch(self) -> None:
        """Follow files and store until cancelled; what fails is tried again."""

    async def look(self) -> None:
        """Read what was made over REST, whether or not it was heard of. Raises StoreUnavailable."""

    def view(self, tenant: str | None) -> CatalogView:
        """Return what jobs of a tenant may use."""

    @property
    def providers(self) -> Mapping[str, Provider]:
        """Every provider by id, whoever's it is."""
