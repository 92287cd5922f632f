"""What planning needs to know of the catalog; `evallab.catalog.Catalog` fits, and so does any double in a test."""

from typing import Protocol

from evallab.api.provider import Collection, Provider


class CatalogView(Protocol):
    """Providers and collections by id; what is unknown raises NotFound, which names the nearest id."""

    def provider(self, provider_id: str) -> Provider:
        """Return the provider."""

    def collection(self, collection_id: str) -> Collection:
        """Return the collection."""

    def known_benchmark(self, provider_id: str, benchmark_id: str) -> bool:
        """Tell whether the provider can run the benchmark."""

    def near_benchmarks(self, provider_id: str, benchmark_id: str) -> tuple[str, ...]:
        """Return benchmarks of the provider with almost that name."""
