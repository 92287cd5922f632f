"""Collections over REST: those on file, which are read-only, those that tenants make, and clones of either.

An entry may name what nobody knows (yet), as in EvalHub; the answer says so in `problems`. What a request may not
name on this machine in a job, it may not name in a collection either.
"""
# ruff: noqa: A005 - the theme is called so; nothing here is imported as a top-level module

from collections.abc import Callable, Mapping
from collections.abc import Collection as Several
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from evallab.api.evalhub import patch as patching
from evallab.api.evalhub.collection import (
    ROOT,
    CloneBody,
    CollectionBody,
    clone,
    patchable,
    resource,
    stored,
    to_collection,
)
from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.query import boolean, parse_query
from evallab.api.evalhub.reading import loads, read, validated
from evallab.api.job import Benchmark, EvalJob, Model
from evallab.api.provider import Collection
from evallab.catalog import Listed, references
from evallab.planning.rest_conditions import refused_over_rest
from evallab.server import context, paging
from evallab.server.answers import answer, no_content
from evallab.server.body import raw_body
from evallab.server.house import House
from evallab.server.operations import Operation, Parameter
from evallab.server.selecting import identity, paged, selected
from evallab.store.interface import EntryRow

COLLECTIONS = "/api/v1/evaluations/collections"
COLLECTION = COLLECTIONS + "/{collection_id}"
LABELS = ("domains", "tasks", "modalities", "industries", "evaluation_targets")
LISTED = ("limit", "offset", "name", "category", "tags", "owner", "scope", *LABELS, "sort_by")


async def listing(request: Request, house: House) -> Response:
    """List collections: the newest made over REST first, then the system's by id."""
    query = parse_query(request.query_params.multi_items(), LISTED)
    tenant = context.tenant(request)
    found = selected(house.catalog.collection_shelf.listed_for(tenant), query, _traits)
    items = [_resource(each, request, house) for each in paged(found, query)]
    page = paging.page(request, query, items, total=len(found))
    problems = house.catalog.row_problems("collection", tenant)
    return answer(page | ({"errors": problems} if problems else {}))


async def get(request: Request, house: House) -> Response:
    """Read one collection."""
    return answer(_resource(_visible(request.path_params["collection_id"], request, house), request, house))


async def post(request: Request, house: House) -> Response:
    """Make a collection."""
    raw = await raw_body(request, house.config.service.max_request_body_bytes)
    collection = to_collection(read(raw, CollectionBody, root=ROOT), house.new_id())
    return await _create(collection, None, request, house)


async def make_clone(request: Request, house: House) -> Response:
    """Copy a collection, with what the body says otherwise; the body may be empty."""
    raw = await raw_body(request, house.config.service.max_request_body_bytes)
    body = validated(loads(raw) if raw.strip() else {}, CloneBody, root=ROOT)
    source = _visible(request.path_params["collection_id"], request, house).value
    return await _create(clone(source, body, house.new_id()), source, request, house)


async def put(request: Request, house: House) -> Response:
    """Replace a collection."""
    raw = await raw_body(request, house.config.service.max_request_body_bytes)
    body = read(raw, CollectionBody, root=ROOT)
    return await _changed(
        request, house, lambda before: to_collection(body, before.id, derived_from=before.derived_from)
    )


async def patch(request: Request, house: House) -> Response:
    """Change a part of a collection, by RFC 6902 operations or an RFC 7386 merge object."""
    document = loads(await raw_body(request, house.config.service.max_request_body_bytes))

    def patched(before: Collection) -> Collection:
        after = patching.patched(patchable(before), document, patching.COLLECTION)
        body = validated(after, CollectionBody, root=ROOT)
        return to_collection(body, before.id, derived_from=before.derived_from)

    return await _changed(request, house, patched)


async def delete(request: Request, house: House) -> Response:
    """Delete a collection; jobs that were made of it keep their benchmarks."""
    boolean(request.query_params.multi_items(), "hard_delete")  # there is only one way to delete a collection
    collection_id = request.path_params["collection_id"]
    _refuse_read_only(collection_id, house)
    tenant, actor = context.tenant(request), context.actor(request)
    await house.catalog.remove("collection", collection_id, tenant, actor=actor, now=house.now())
    return no_content()


async def _create(collection: Collection, source: Collection | None, request: Request, house: House) -> Response:
    _refuse_reach(collection, source, house)
    now = house.now()
    row = EntryRow(
        kind="collection",
        id=collection.id,
        tenant=context.tenant(request),
        owner=context.user(request),
        created_at=now,
        updated_at=now,
        body=stored(collection),
    )
    await house.catalog.create(row, actor=context.actor(request))
    return answer(_resource(_visible(collection.id, request, house), request, house), 201)


async def _changed(request: Request, house: House, change: Callable[[Collection], Collection]) -> Response:
    collection_id = request.path_params["collection_id"]
    _refuse_read_only(collection_id, house)

    def changed(row: EntryRow) -> EntryRow:
        before = Collection.model_validate({**row.body, "id": row.id})
        after = change(before)
        _refuse_reach(after, before, house)
        return replace(row, body=stored(after), updated_at=house.now())

    tenant, actor = context.tenant(request), context.actor(request)
    await house.catalog.change("collection", collection_id, tenant, changed, actor=actor)
    return answer(_resource(_visible(collection_id, request, house), request, house))


def _visible(collection_id: str, request: Request, house: House) -> Listed[Collection]:
    found = house.catalog.collection_shelf.visible(collection_id, context.tenant(request))
    if found is None:
        raise ApiError("resource_not_found", kind="collection", id=collection_id)
    return found


def _resource(listed: Listed[Collection], request: Request, house: House) -> dict[str, Any]:
    known = references(listed.value, house.catalog.view(listed.tenant or context.tenant(request)))
    return resource(listed.value, identity(listed), urls=known.urls, problems=known.problems)


def _refuse_read_only(collection_id: str, house: House) -> None:
    found = house.catalog.collection_shelf.find(collection_id)
    if found and found.system:
        raise ApiError("read_only_collection", id=collection_id)


def _refuse_reach(collection: Collection, before: Collection | None, house: House) -> None:
    """Refuse what a job made over REST may not say either; entries that were there before may stay."""
    kept = before.benchmarks if before else ()
    benchmarks = [
        Benchmark(provider_id=each.provider_id, id=each.id)
        if each in kept
        else Benchmark(
            provider_id=each.provider_id,
            id=each.id,
            parameters=each.parameters,
            test_data=each.test_data_ref and each.test_data_ref.model_dump(exclude={"resolved_sha"}),
        )
        for each in collection.benchmarks
    ]
    job = EvalJob(name="collection", model=Model(name="any"), benchmarks=tuple(benchmarks))
    if refused := refused_over_rest(job, house.config.evallab.rest.allowed()):
        raise ApiError("not_allowed_over_rest", reason=" ".join(refused))


def _traits(listed: Listed[Collection]) -> Mapping[str, Several[str]]:
    collection = listed.value
    return {
        "name": (collection.name,),
        "category": (collection.category,),
        "tags": collection.tags,
        "owner": (listed.owner or "",),
        **{name: getattr(collection, name) for name in LABELS},
    }


_PATCH = "RFC 6902 operations (replace, add, remove), or an RFC 7386 merge object"
_LIST = (
    Parameter(name="limit", kind="integer", text="Entries of a page; 0 for all"),
    Parameter(name="offset", kind="integer", text="Entries left out"),
    Parameter(name="name", text="Exact name; | means or"),
    Parameter(name="category", text="Category; | means or"),
    Parameter(name="tags", text=", means and, | means or"),
    Parameter(name="owner", text="Owner; ! means not"),
    Parameter(name="scope", text="system or tenant"),
    *(Parameter(name=name, text=", means and, | means or") for name in LABELS),
    Parameter(name="sort_by", text="name, created_at, updated_at or category; - before it for downwards"),
)

OPERATIONS = (
    Operation(
        method="GET",
        path=COLLECTIONS,
        handler=listing,
        summary="List collections",
        query=_LIST,
        responses={200: "A page of collections"},
    ),
    Operation(
        method="POST",
        path=COLLECTIONS,
        handler=post,
        summary="Make a collection",
        request=CollectionBody,
        responses={201: "The collection"},
    ),
    Operation(
        method="GET", path=COLLECTION, handler=get, summary="Read a collection", responses={200: "The collection"}
    ),
    Operation(
        method="PUT",
        path=COLLECTION,
        handler=put,
        summary="Replace a collection",
        request=CollectionBody,
        responses={200: "The collection"},
    ),
    Operation(
        method="PATCH",
        path=COLLECTION,
        handler=patch,
        summary=f"Change a part of a collection: {_PATCH}",
        responses={200: "The collection"},
    ),
    Operation(
        method="DELETE",
        path=COLLECTION,
        handler=delete,
        summary="Delete a collection",
        query=(Parameter(name="hard_delete", kind="boolean", text="Accepted; a collection is deleted in any case"),),
        responses={204: "Deleted"},
    ),
    Operation(
        method="POST",
        path=COLLECTION + "/clones",
        handler=make_clone,
        summary="Copy a collection, with what the body says otherwise",
        request=CloneBody,
        responses={201: "The copy"},
    ),
)
