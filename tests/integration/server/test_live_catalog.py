"""The catalogue of a running server: files that change, entries that other servers make, and what is wrong."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evallab.api.errors import InvalidManifest, NotFound
from evallab.server import live_catalog
from evallab.server.live_catalog import LiveCatalog
from evallab.store.interface import EntryKind, EntryRow
from evallab.store.postgres import PostgresStore

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LOCAL: dict[str, object] = {"runtime": {"local": {"command": "true"}}}


def row(kind: EntryKind, entry_id: str, body: dict[str, object], tenant: str | None = None) -> EntryRow:
    return EntryRow(kind=kind, id=entry_id, tenant=tenant, owner=None, created_at=NOW, updated_at=NOW, body=body)


def write(directory: Path, text: str, name: str = "a.yaml") -> Path:
    file = directory / "providers" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)


@asynccontextmanager
async def watched(catalog: LiveCatalog) -> AsyncIterator[LiveCatalog]:
    await catalog.load()
    task = asyncio.create_task(catalog.watch())
    yield catalog
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_catalog, "LOOK_S", 0.02)


async def test_built_in_on_file_and_made(store: PostgresStore, tmp_path: Path) -> None:
    file = write(tmp_path, "id: mine\nname: on file\nbenchmarks: [{id: b}]\n")
    await store.save_entry(row("provider", "made", {"name": "made"}), actor="me")
    await store.save_entry(row("collection", "list", {"name": "l", "category": "c"}), actor="me")
    await store.save_entry(row("provider", "of-a", {"name": "of a"}, "a"), actor="me")
    catalog = LiveCatalog(tmp_path, store)
    await catalog.load()
    assert set(catalog.providers) == {"lm_evaluation_harness", "mine", "made", "of-a"}
    assert len(catalog.providers) == 4
    assert {each.id for each in catalog.view(None).providers()} == {"lm_evaluation_harness", "mine", "made"}
    assert {each.id for each in catalog.view("a").providers()} == {"lm_evaluation_harness", "mine", "of-a"}
    assert catalog.view(None).collection("list").name == "l"
    with pytest.raises(NotFound):
        catalog.view("a").collection("list")
    assert catalog.view(None).known_benchmark("lm_evaluation_harness", "demo_arith")
    assert catalog.updated_at("collection", "list") == NOW
    assert catalog.updated_at("provider", "mine") == datetime.fromtimestamp(file.stat().st_mtime, UTC)
    assert catalog.updated_at("provider", "nobody") is None
    assert catalog.problems == ()


async def test_files_that_change_are_read_again(
    store: PostgresStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(tmp_path, "id: mine\nname: first\n")
    async with watched(LiveCatalog(tmp_path, store, builtin=False)) as catalog:
        providers = catalog.providers
        file.write_text("id: mine\nname: second one\n")
        await until(lambda: providers["mine"].name == "second one")
        write(tmp_path, "id: other\n", "b.yaml")
        await until(lambda: "other" in providers)
        with caplog.at_level(logging.ERROR):
            file.write_text("id: mine\nname: [broken\n")
            await until(lambda: bool(catalog.problems))
        assert providers["mine"].name == "second one"
        sentence = (
            f"{file}:3: not valid YAML: did not find expected ',' or ']'"
            " (its last good version is served until it is mended)"
        )
        assert catalog.problems == (sentence,)
        assert [(each.getMessage(), each.__dict__["line"]) for each in caplog.records] == [(sentence, 3)]
        file.write_text("id: mine\nname: mended again\n")
        await until(lambda: providers["mine"].name == "mended again")
        await until(lambda: not catalog.problems)
        file.unlink()
        await until(lambda: "mine" not in providers)


async def test_what_another_server_makes_is_seen(store: PostgresStore) -> None:
    async with watched(LiveCatalog(None, store, builtin=False)) as catalog:
        other = LiveCatalog(None, store, builtin=False)
        await other.create(row("provider", "made", {"name": "made"}), actor="me")
        await until(lambda: "made" in catalog.providers)
        assert catalog.view(None).provider("made").name == "made"
        await other.remove("provider", "made", None, actor="me", now=NOW)
        await until(lambda: "made" not in catalog.providers)


async def test_strictly_a_broken_file_is_fatal(store: PostgresStore, tmp_path: Path) -> None:
    file = write(tmp_path, "name: x\n")
    catalog = LiveCatalog(tmp_path, store)
    with pytest.raises(InvalidManifest, match="id: is required, but missing"):
        await catalog.load(strict=True)
    await catalog.load()
    assert catalog.problems == (f"{file}: id: is required, but missing",)
    assert "lm_evaluation_harness" in catalog.providers


async def test_a_row_that_cannot_be_read_is_a_problem(store: PostgresStore) -> None:
    await store.save_entry(row("provider", "bad", {"benchmarks": "none"}), actor="me")
    await store.save_entry(row("provider", "good", {"name": "good"}), actor="me")
    catalog = LiveCatalog(None, store, builtin=False)
    await catalog.load()
    assert list(catalog.providers) == ["good"]
    sentence = 'The provider "bad" made over REST cannot be read: benchmarks: must be a list, found "none"'
    assert catalog.problems == (sentence,)
    assert catalog.row_problems("provider", None) == [sentence]
    assert catalog.row_problems("provider", "a") == catalog.row_problems("collection", None) == []


@pytest.mark.parametrize("allowed", [True, False])
async def test_commands_made_over_rest(store: PostgresStore, *, allowed: bool) -> None:
    await store.save_entry(row("provider", "made", LOCAL), actor="me")
    catalog = LiveCatalog(None, store, builtin=False, local_commands=allowed)
    await catalog.load()
    runtime = catalog.providers["made"].runtime
    assert runtime is not None
    assert (runtime.local is not None) is allowed


async def test_a_directory_that_is_not_there_holds_nothing(store: PostgresStore, tmp_path: Path) -> None:
    catalog = LiveCatalog(tmp_path / "nowhere", store, builtin=False)
    await catalog.load(strict=True)
    assert (len(catalog.providers), catalog.problems) == (0, ())


async def test_many_tenants_do_not_fill_the_memory(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_catalog, "MOST_VIEWS", 3)
    catalog = LiveCatalog(None, store, builtin=False)
    await catalog.load()
    for number in range(10):
        catalog.view(f"tenant-{number}")
    assert len(catalog._views) <= 3
    assert catalog.view("a") is catalog.view("a")
