"""What the entries of a collection refer to: where their benchmarks are explained, and which of them nobody knows.

The server shows both with a collection; nothing is refused, because a provider may come later.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evallab.api.provider import Collection
from evallab.catalog.catalog import Catalog


@dataclass(frozen=True)
class References:
    """`urls` by provider id and benchmark id; `problems` one sentence each."""

    urls: Mapping[tuple[str, str], str]
    problems: tuple[str, ...]


def references(collection: Collection, catalog: Catalog) -> References:
    """Look up every entry of a collection."""
    return References(dict(_urls(collection, catalog)), tuple(_problems(collection, catalog)))


def _urls(collection: Collection, catalog: Catalog) -> Iterator[tuple[tuple[str, str], str]]:
    for each in collection.benchmarks:
        entry = catalog.entries.get(each.provider_id)
        described = entry.described.get(each.id) if entry else None
        if described and described.url:
            yield (each.provider_id, each.id), described.url


def _problems(collection: Collection, catalog: Catalog) -> Iterator[str]:
    for index, each in enumerate(collection.benchmarks):
        entry = catalog.entries.get(each.provider_id)
        if entry is None:
            yield f'benchmarks[{index}]: there is no provider "{each.provider_id}"'
        elif each.id not in entry.benchmark_ids and "include_path" not in each.parameters:
            yield f'benchmarks[{index}]: the provider "{each.provider_id}" has no benchmark "{each.id}"'
