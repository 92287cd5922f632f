"""Collections over REST: the body of a request, and the resource that answers it. Pure; the server's routes call it.

As in EvalHub, an entry may name a provider or benchmark that is not known (yet); the answer says so in `problems`.
The `url` of an entry is the provider's, whatever the client sent.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from evallab.api.evalhub.data import HardwareConfig, TestDataRef
from evallab.api.evalhub.lenient import Body, Json, Required
from evallab.api.evalhub.provider import Agent, Identity, PassCriteria, Strings, Text, Whole, plain, said
from evallab.api.evalhub.request import PrimaryScore
from evallab.api.provider import Collection, CollectionBenchmark, Number

ROOT = "CollectionConfig"
Category = Annotated[str, Field(min_length=1, max_length=128)]
Urls = Mapping[tuple[str, str], str]
_LABELS = ("domains", "tasks", "modalities", "industries", "evaluation_targets")


class Entry(Body):
    """One weighted entry of a collection."""

    id: Required
    provider_id: Required
    weight: Annotated[Number, Field(ge=0)] | None = None
    parameters: Json = Field(default_factory=dict)
    primary_score: PrimaryScore | None = None
    pass_criteria: PassCriteria | None = None
    test_data_ref: TestDataRef | None = None
    hardware_config: HardwareConfig | None = None


Entries = Annotated[tuple[Entry, ...], Field(strict=False, min_length=1)]


class CollectionBody(Body):
    """What a client posts or puts; an id in it is ignored."""

    name: Required
    category: Category
    description: Text = ""
    tags: Strings = ()
    custom: Json | None = None
    pass_criteria: PassCriteria | None = None
    benchmarks: Entries
    agent: Agent | None = None
    curation_order: Whole = 0
    domains: Strings = ()
    tasks: Strings = ()
    modalities: Strings = ()
    industries: Strings = ()
    evaluation_targets: Strings = ()


class CloneBody(Body):
    """What a clone says otherwise than its source; `curation_order` is accepted and stays 0, as in EvalHub."""

    name: Required | None = None
    category: Category | None = None
    description: Text | None = None
    tags: Strings | None = None
    custom: Json | None = None
    pass_criteria: PassCriteria | None = None
    benchmarks: Entries | None = None
    agent: Agent | None = None
    domains: Strings | None = None
    tasks: Strings | None = None
    modalities: Strings | None = None
    industries: Strings | None = None
    evaluation_targets: Strings | None = None


def to_collection(body: CollectionBody, collection_id: str, *, derived_from: str | None = None) -> Collection:
    """Convert a request to the internal model."""
    return Collection.model_validate({**body.model_dump(), "id": collection_id, "derived_from": derived_from})


def clone(source: Collection, body: CloneBody, collection_id: str) -> Collection:
    """Return a copy of `source` with what `body` says otherwise."""
    changes = {name: value for name, value in body.model_dump().items() if value is not None}
    own = {"id": collection_id, "derived_from": source.id, "curation_order": 0}
    return Collection.model_validate({**source.model_dump(), **changes, **own})


def stored(collection: Collection) -> Json:
    """Return what is kept of a collection that was made over REST."""
    return collection.model_dump(mode="json", exclude_defaults=True, exclude={"id"})


def patchable(collection: Collection) -> Json:
    """Return what a patch is applied to: a body."""
    return collection.model_dump(mode="json", exclude_defaults=True, exclude={"id", "derived_from"})


def resource(collection: Collection, identity: Identity, *, urls: Urls, problems: Sequence[str] = ()) -> Json:
    """Return a collection as EvalHub writes it; `problems` is evallab's own."""
    return {
        "resource": identity.block(),
        **said(derived_from=collection.derived_from),
        **({"curation_order": collection.curation_order} if collection.curation_order else {}),
        "name": collection.name,
        **said(description=collection.description),
        "category": collection.category,
        **said(tags=list(collection.tags)),
        **({"custom": collection.custom} if collection.custom is not None else {}),
        **said(pass_criteria=plain(collection.pass_criteria)),
        "benchmarks": [_entry(each, urls.get((each.provider_id, each.id))) for each in collection.benchmarks],
        **said(agent=plain(collection.agent), **{name: list(getattr(collection, name)) for name in _LABELS}),
        **({"status": {}} if collection.derived_from else {}),
        **said(problems=list(problems)),
    }


def _entry(entry: CollectionBenchmark, url: str | None) -> Json:
    return {
        "id": entry.id,
        "provider_id": entry.provider_id,
        **said(
            url=url,
            weight=entry.weight,
            primary_score=plain(entry.primary_score),
            pass_criteria=plain(entry.pass_criteria),
            parameters=entry.parameters,
            test_data_ref=plain(entry.test_data_ref),
            hardware_config=plain(entry.hardware_config),
        ),
    }
