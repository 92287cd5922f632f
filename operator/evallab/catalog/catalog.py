"""What can be measured: providers and collections by id, as one frozen value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from evallab.api.errors import NotFound
from evallab.api.provider import Collection, Provider, ProviderBenchmark


@dataclass(frozen=True)
class Entry:
    """A provider, and the file (read when it is first needed) that names the benchmarks it does not describe."""

    provider: Provider
    names_file: Path | None = None

    @cached_property
    def benchmark_ids(self) -> frozenset[str]:
        """Every benchmark that the provider can run."""
        return frozenset(self.described.keys() | _names(self.names_file))

    @cached_property
    def described(self) -> Mapping[str, ProviderBenchmark]:
        """The benchmarks that the provider describes, by id."""
        return MappingProxyType({benchmark.id: benchmark for benchmark in self.provider.benchmarks})


def _names(file: Path | None) -> set[str]:
    """Read one name per line; empty lines and lines that begin with # say nothing."""
    if file is None:
        return set()
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line and not line.startswith("#")}


@dataclass(frozen=True)
class Catalog:
    """Providers and collections by id."""

    entries: Mapping[str, Entry] = field(default_factory=lambda: MappingProxyType({}))
    named_collections: Mapping[str, Collection] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, entries: Iterable[Entry] = (), collections: Iterable[Collection] = ()) -> "Catalog":
        """Build a catalog; of equal ids the last one counts."""
        return cls(
            MappingProxyType({entry.provider.id: entry for entry in entries}),
            MappingProxyType({collection.id: collection for collection in collections}),
        )

    def replaced_by(self, other: "Catalog") -> "Catalog":
        """Return this catalog with everything of `other` added; what both have comes from `other`."""
        return Catalog.of(
            [*self.entries.values(), *other.entries.values()],
            [*self.named_collections.values(), *other.named_collections.values()],
        )

    def provider(self, provider_id: str) -> Provider:
        """Return the provider, or raise NotFound with the nearest id."""
        return self._entry(provider_id).provider

    def providers(self) -> tuple[Provider, ...]:
        """Return every provider, by id."""
        return tuple(self.entries[each].provider for each in sorted(self.entries))

    @property
    def by_id(self) -> Mapping[str, Provider]:
        """Every provider under its id, as the engine wants them."""
        return MappingProxyType({each: entry.provider for each, entry in self.entries.items()})

    def collection(self, collection_id: str) -> Collection:
        """Return the collection, or raise NotFound with the nearest id."""
        if collection_id not in self.named_collections:
            raise _not_found("collection", collection_id, self.named_collections)
        return self.named_collections[collection_id]

    def collections(self) -> tuple[Collection, ...]:
        """Return every collection, by id."""
        return tuple(self.named_collections[each] for each in sorted(self.named_collections))

    def known_benchmark(self, provider_id: str, benchmark_id: str) -> bool:
        """Tell whether the provider can run the benchmark, described or only named."""
        return benchmark_id in self._entry(provider_id).benchmark_ids

    def near_benchmarks(self, provider_id: str, benchmark_id: str) -> tuple[str, ...]:
        """Return up to three benchmarks of the provider that are called almost like that."""
        ids = sorted(self._entry(provider_id).benchmark_ids)
        return tuple(get_close_matches(benchmark_id, ids, n=3, cutoff=0.6))

    def benchmark_ids(self, provider_id: str) -> tuple[str, ...]:
        """Return every benchmark of the provider, described or only named."""
        return tuple(sorted(self._entry(provider_id).benchmark_ids))

    def _entry(self, provider_id: str) -> Entry:
        if provider_id not in self.entries:
            raise _not_found("provider", provider_id, self.entries)
        return self.entries[provider_id]


def _not_found(kind: str, name: str, known: Iterable[str]) -> NotFound:
    ids = sorted(known)
    near = get_close_matches(name, ids, n=1)
    remedy = f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(ids) or 'none'}."
    return NotFound(f'There is no {kind} "{name}".', remedy=remedy)
