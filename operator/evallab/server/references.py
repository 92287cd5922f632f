"""Do the providers, benchmarks and collections of a request exist? In EvalHub's order and words. Pure.

Called by `submitting`, after the body was read and before anything is stored.
"""

from collections.abc import Iterable

from evallab.api.errors import NotFound
from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.request import Benchmark, JobRequest
from evallab.api.provider import Collection
from evallab.planning.catalog_view import CatalogView


def check_references(request: JobRequest, catalog: CatalogView) -> Collection | None:
    """Return the collection that the request names, if it names one. Raises ApiError for what does not exist."""
    if request.collection is None:
        for each in request.benchmarks:
            _check_benchmark(each, catalog)
        return None
    collection = _collection(request.collection.id, catalog)
    _check_overrides(request.collection.benchmarks, collection)
    if not collection.benchmarks:
        raise ApiError("collection_empty", id=collection.id)
    return collection


def check_url(request: JobRequest, *, served: bool) -> None:
    """Ask for a model URL unless evallab serves the model, or every answer was recorded earlier."""
    data = [each.test_data_ref for each in request.benchmarks]
    recorded = bool(data) and all(each is not None and each.type == "pre_recorded_data" for each in data)
    if not request.model.url and not recorded and not served:
        raise ApiError("model_url_required")


def _check_benchmark(benchmark: Benchmark, catalog: CatalogView) -> None:
    try:
        known = catalog.known_benchmark(benchmark.provider_id, benchmark.id)
    except NotFound:
        raise ApiError("resource_not_found", kind="provider", id=benchmark.provider_id) from None
    if not known and not benchmark.parameters.get("include_path"):
        raise ApiError("resource_does_not_exist", kind="benchmark", id=benchmark.id)


def _collection(collection_id: str, catalog: CatalogView) -> Collection:
    try:
        return catalog.collection(collection_id)
    except NotFound:
        raise ApiError("resource_not_found", kind="collection", id=collection_id) from None


def _check_overrides(overrides: Iterable[Benchmark], collection: Collection) -> None:
    providers = {each.provider_id for each in collection.benchmarks}
    members = {(each.provider_id, each.id) for each in collection.benchmarks}
    for each in overrides:
        if each.provider_id not in providers:
            raise ApiError("resource_does_not_exist", kind="provider", id=each.provider_id)
        if (each.provider_id, each.id) not in members:
            raise ApiError("resource_does_not_exist", kind="benchmark", id=each.id)
