"""The catalogue made over REST: kept as sent, replaced, deleted, audited, and told to whoever holds it."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import psycopg
from tests.integration.store.making import minutes

from evallab.store.interface import EntryRow
from evallab.store.postgres import PostgresStore

PROVIDER = EntryRow(
    kind="provider",
    id="p1",
    tenant="red",
    owner="ada",
    created_at=minutes(1),
    updated_at=minutes(1),
    body={"name": "mine", "benchmarks": [{"id": "b", "few": 1.50}], "a": None},
)
COLLECTION = replace(PROVIDER, kind="collection", tenant=None, owner=None, body={})


async def test_an_entry_is_kept_replaced_and_deleted(store: PostgresStore, database_url: str) -> None:
    older = replace(PROVIDER, id="p0", created_at=minutes(0))
    for each in (PROVIDER, older, COLLECTION):
        await store.save_entry(each, actor="ada")
    changed = replace(PROVIDER, body={"name": "new"}, updated_at=minutes(2), created_at=minutes(2), owner="bob")
    for _ in range(2):
        await store.save_entry(changed, actor="bob")
    kept = replace(changed, created_at=minutes(1), owner="ada")

    assert await store.entries("provider") == [older, kept]
    assert await store.entry("provider", "p1") == kept
    assert await store.entry("collection", "p1") == COLLECTION
    assert await store.entry("collection", "p0") is None
    assert list((await store.entries("provider"))[0].body) == ["name", "benchmarks", "a"]
    assert await store.delete_entry("provider", "p1", actor="bob", now=minutes(3))
    assert not await store.delete_entry("provider", "p1", actor="bob", now=minutes(4))
    assert await store.entries("provider") == [older]
    with psycopg.connect(database_url) as connection:
        trail = connection.execute("SELECT at, actor, action, detail FROM audit ORDER BY audit_id").fetchall()
    assert trail == [
        (minutes(1), "ada", "save_provider", {"id": "p1"}),
        (minutes(1), "ada", "save_provider", {"id": "p0"}),
        (minutes(1), "ada", "save_collection", {"id": "p1"}),
        (minutes(2), "bob", "save_provider", {"id": "p1"}),
        (minutes(3), "bob", "delete_provider", {"id": "p1"}),
    ]


async def test_whoever_holds_the_catalogue_is_told(store: PostgresStore, database_url: str) -> None:
    async with PostgresStore(lambda: database_url) as other, aclosing(store.entry_changes()) as changes:
        await anext(changes)  # it listens
        async with asyncio.timeout(60):
            await other.save_entry(PROVIDER, actor="ada")
            await anext(changes)
            await other.save_entry(replace(PROVIDER, body={}), actor="ada")
            await anext(changes)
            await other.delete_entry("provider", "p1", actor="ada", now=minutes(3))
            await anext(changes)
