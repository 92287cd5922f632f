"""Providers over REST: those on file, which are read-only, and those that tenants make.

What a request may not do is bring a command that would run here, unless the owner of the server allows it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from evallab.api.evalhub import patch as patching
from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.masking import unmasked
from evallab.api.evalhub.provider import ROOT, ProviderBody, resource, stored, to_provider
from evallab.api.evalhub.query import parse_query
from evallab.api.evalhub.reading import loads, read, validated
from evallab.api.provider import LocalRuntime, Provider
from evallab.catalog import Entry, Listed
from evallab.planning.cluster.images import refused
from evallab.server import context, paging
from evallab.server.answers import answer, no_content
from evallab.server.body import raw_body
from evallab.server.house import House
from evallab.server.operations import Operation, Parameter
from evallab.server.selecting import identity, paged, selected
from evallab.store.interface import EntryRow

PROVIDERS = "/api/v1/evaluations/providers"
PROVIDER = PROVIDERS + "/{provider_id}"
LISTED = ("limit", "offset", "benchmarks", "name", "tags", "owner", "scope")
NO_COMMANDS = (
    "runtime.local: a request may not bring commands that run on this machine;"
    " the owner of the server can allow it with evallab.rest.local_commands"
)


async def listing(request: Request, house: House) -> Response:
    """List providers: the newest made over REST first, then the system's by id."""
    query = parse_query(request.query_params.multi_items(), LISTED)
    tenant = context.tenant(request)
    found = selected(house.catalog.provider_shelf.listed_for(tenant), query, _traits)
    items = [resource(each.value.provider, identity(each), benchmarks=query.benchmarks) for each in paged(found, query)]
    page = paging.page(request, query, items, total=len(found))
    problems = house.catalog.row_problems("provider", tenant)
    return answer(page | ({"errors": problems} if problems else {}))


async def get(request: Request, house: House) -> Response:
    """Read one provider."""
    return answer(_shown(request.path_params["provider_id"], request, house))


async def post(request: Request, house: House) -> Response:
    """Make a provider."""
    raw = await raw_body(request, house.config.service.max_request_body_bytes)
    provider = to_provider(read(raw, ProviderBody, root=ROOT), house.new_id())
    _refuse_commands(provider, house)
    _refuse_images(provider, house)
    now = house.now()
    row = EntryRow(
        kind="provider",
        id=provider.id,
        tenant=context.tenant(request),
        owner=context.user(request),
        created_at=now,
        updated_at=now,
        body=stored(provider),
    )
    await house.catalog.create(row, actor=context.actor(request))
    return answer(_shown(provider.id, request, house), 201)


async def put(request: Request, house: House) -> Response:
    """Replace a provider."""
    raw = await raw_body(request, house.config.service.max_request_body_bytes)
    body = read(raw, ProviderBody, root=ROOT)
    return await _changed(request, house, lambda before: to_provider(body, before.id))


async def patch(request: Request, house: House) -> Response:
    """Change a part of a provider, by RFC 6902 operations or an RFC 7386 merge object."""
    document = loads(await raw_body(request, house.config.service.max_request_body_bytes))

    def patched(before: Provider) -> Provider:
        after = patching.patched(stored(before), document, patching.PROVIDER)
        return to_provider(validated(after, ProviderBody, root=ROOT), before.id)

    return await _changed(request, house, patched)


async def delete(request: Request, house: House) -> Response:
    """Delete a provider; jobs that were made with it keep their benchmarks."""
    provider_id = request.path_params["provider_id"]
    _refuse_read_only(provider_id, house)
    await house.catalog.remove(
        "provider", provider_id, context.tenant(request), actor=context.actor(request), now=house.now()
    )
    return no_content()


async def _changed(request: Request, house: House, change: Callable[[Provider], Provider]) -> Response:
    provider_id = request.path_params["provider_id"]
    _refuse_read_only(provider_id, house)

    def changed(row: EntryRow) -> EntryRow:
        before = Provider.model_validate({**row.body, "id": row.id})
        after = unmasked(change(before), before)
        _refuse_commands(after, house, before)
        _refuse_images(after, house)
        return replace(row, body=stored(after), updated_at=house.now())

    tenant, actor = context.tenant(request), context.actor(request)
    await house.catalog.change("provider", provider_id, tenant, changed, actor=actor)
    return answer(_shown(provider_id, request, house))


def _shown(provider_id: str, request: Request, house: House) -> dict[str, Any]:
    found = house.catalog.provider_shelf.visible(provider_id, context.tenant(request))
    if found is None:
        raise ApiError("resource_not_found", kind="provider", id=provider_id)
    return resource(found.value.provider, identity(found))


def _refuse_read_only(provider_id: str, house: House) -> None:
    found = house.catalog.provider_shelf.find(provider_id)
    if found and found.system:
        raise ApiError("read_only_provider", id=provider_id)


def _refuse_commands(provider: Provider, house: House, before: Provider | None = None) -> None:
    """Refuse a new command; one that was stored while commands were allowed may stay."""
    local = _local(provider)
    known = before is not None and local == _local(before)
    if local and not known and not house.config.evallab.rest.local_commands:
        raise ApiError("not_allowed_over_rest", reason=NO_COMMANDS)


def _refuse_images(provider: Provider, house: House) -> None:
    """Refuse an image that EvalJobs could not name in this cluster either."""
    if image := refused(provider, allowed := house.catalog.images.allowed):
        places = ", ".join(allowed)
        raise ApiError(
            "not_allowed_over_rest",
            reason=f"runtime.k8s.image: {image} is not allowed in this cluster; images may come from {places}",
        )


def _local(provider: Provider) -> LocalRuntime | None:
    return provider.runtime.local if provider.runtime else None


def _traits(listed: Listed[Entry]) -> Mapping[str, Collection[str]]:
    provider = listed.value.provider
    return {"name": (provider.name,), "tags": provider.tags, "owner": (listed.owner or "",)}


_PATCH = "RFC 6902 operations (replace, add, remove), or an RFC 7386 merge object"

OPERATIONS = (
    Operation(
        method="GET",
        path=PROVIDERS,
        handler=listing,
        summary="List providers",
        query=(
            Parameter(name="limit", kind="integer", text="Entries of a page; 0 for all"),
            Parameter(name="offset", kind="integer", text="Entries left out"),
            Parameter(name="benchmarks", kind="boolean", text="false: without the benchmarks"),
            Parameter(name="name", text="Exact name; | means or"),
            Parameter(name="tags", text=", means and, | means or"),
            Parameter(name="owner", text="Owner; ! means not"),
            Parameter(name="scope", text="system or tenant"),
        ),
        responses={200: "A page of providers"},
    ),
    Operation(
        method="POST",
        path=PROVIDERS,
        handler=post,
        summary="Make a provider",
        request=ProviderBody,
        responses={201: "The provider"},
    ),
    Operation(method="GET", path=PROVIDER, handler=get, summary="Read a provider", responses={200: "The provider"}),
    Operation(
        method="PUT",
        path=PROVIDER,
        handler=put,
        summary="Replace a provider",
        request=ProviderBody,
        responses={200: "The provider"},
    ),
    Operation(
        method="PATCH",
        path=PROVIDER,
        handler=patch,
        summary=f"Change a part of a provider: {_PATCH}",
        responses={200: "The provider"},
    ),
    Operation(method="DELETE", path=PROVIDER, handler=delete, summary="Delete a provider", responses={204: "Deleted"}),
)
