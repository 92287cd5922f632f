"""Kept files that replicas share through Postgres: put by one, read by another that has none of them on its disk."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from tests.integration.store.making import artifact, attempt, benchmark, ended_job, job, minutes, result

from evallab.api.errors import NotFound, StoreUnavailable
from evallab.controller.operating import SWEEP_BLOBS_S, without_unneeded_files
from evallab.store.artifacts import ArtifactFiles
from evallab.store.blobs import PART, Blobs, remote
from evallab.store.interface import ArtifactRow
from evallab.store.postgres import PostgresStore


@dataclass(frozen=True)
class Owner:
    job_id: str = "job-1"
    index: int | None = 0
    attempt_id: str | None = "job-1-a1"


def kept(tmp_path: Path, url: str, content: bytes) -> ArtifactRow:
    source = tmp_path / "source"
    source.write_bytes(content)
    return ArtifactFiles(tmp_path / "one", Blobs(url)).store_file(source, kind="file", name="a", owner=Owner())


def paths(url: str) -> list[tuple[str, int]]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT path, count(*) FROM evallab_tables.blobs GROUP BY path ORDER BY path")
        return [(str(path), int(count)) for path, count in found]


def age(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE evallab_tables.blobs SET kept_at = kept_at - interval '2 hours'")


def content_of(files: ArtifactFiles, row: ArtifactRow) -> bytes:
    with files.opened(row) as stream:
        return stream.read()


@pytest.mark.parametrize("size", [0, 3, 10 * PART])
def test_another_replica_reads_what_one_kept(tmp_path: Path, database_url: str, size: int) -> None:
    row = kept(tmp_path, database_url, os.urandom(size))
    again = kept(tmp_path, database_url, (tmp_path / "source").read_bytes())
    other = ArtifactFiles(tmp_path / "two", Blobs(database_url))

    assert again == row
    assert content_of(other, row) == (tmp_path / "source").read_bytes()
    here = ArtifactFiles(tmp_path / "two")
    assert content_of(here, row) == (tmp_path / "source").read_bytes()
    assert [path for path, _ in paths(database_url)] == [row.path]


def test_samples_are_shared_too(tmp_path: Path, database_url: str) -> None:
    row, _ = ArtifactFiles(tmp_path / "one", Blobs(database_url)).write_samples([], owner=Owner())
    assert content_of(ArtifactFiles(tmp_path / "two", Blobs(database_url)), row) == b""


def test_a_damaged_file_is_not_it(tmp_path: Path, database_url: str) -> None:
    row = kept(tmp_path, database_url, b"content")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE evallab_tables.blobs SET content = 'other'")
    with pytest.raises(NotFound, match="is not in"):
        content_of(ArtifactFiles(tmp_path / "two", Blobs(database_url)), row)
    assert [each for each in (tmp_path / "two").rglob("*") if each.is_file()] == []


def test_paths_lead_nowhere_else(tmp_path: Path, database_url: str) -> None:
    outside = tmp_path / "secret"
    outside.write_text("secret")
    files = ArtifactFiles(tmp_path / "two", Blobs(database_url))
    for path in ("../secret", "ab/nothing"):
        with pytest.raises(NotFound, match="is not in"):
            content_of(files, artifact(path=path, codec="none"))


def test_without_a_database_of_its_own_nothing_is_shared() -> None:
    assert remote(None) is None
    assert isinstance(remote("postgresql://somewhere/db"), Blobs)


def test_a_database_that_stays_away_is_named(tmp_path: Path) -> None:
    away = Blobs("postgresql://127.0.0.1:1/nothing", patience_s=0)
    with pytest.raises(StoreUnavailable, match="Postgres cannot be reached"):
        list(away.parts("ab/cd"))


async def test_deletion_removes_files_that_nobody_needs(
    store: PostgresStore, database_url: str, tmp_path: Path
) -> None:
    row = kept(tmp_path, database_url, b"only mine")
    shared = kept(tmp_path, database_url, b"of two")
    age(database_url)
    fresh = kept(tmp_path, database_url, b"fresh")
    own = tuple(
        artifact(hashlib.md5(each.path.encode()).hexdigest(), path=each.path)  # noqa: S324
        for each in (row, shared, fresh)
    )
    await ended_job(store, job("job-1"), result("job-1", artifacts=own))
    others = (artifact("other", "job-2", path=shared.path),)
    await ended_job(store, job("job-2"), result("job-2", artifacts=others))

    await store.delete_job("job-1", actor="ada", now=minutes(9))
    assert [path for path, _ in paths(database_url)] == sorted([shared.path, fresh.path])

    age(database_url)
    await store.expire(["other"], reason="age", actor="ada", now=minutes(10))
    await store.sweep_blobs()
    assert paths(database_url) == []


async def test_an_operator_removes_once_an_hour_what_nobody_needs(
    store: PostgresStore, database_url: str, tmp_path: Path
) -> None:
    row = kept(tmp_path, database_url, b"nobody's")
    age(database_url)
    assert await without_unneeded_files(store, last=100.0, now=100.0 + SWEEP_BLOBS_S - 1) == 100.0
    assert [path for path, _ in paths(database_url)] == [row.path]
    assert await without_unneeded_files(store, last=100.0, now=100.0 + SWEEP_BLOBS_S) == 100.0 + SWEEP_BLOBS_S
    assert paths(database_url) == []


async def test_a_file_whose_row_is_yet_to_come_stays(store: PostgresStore, database_url: str, tmp_path: Path) -> None:
    row = kept(tmp_path, database_url, b"content")
    age(database_url)
    kept(tmp_path, database_url, b"content")  # again: somebody is about to write a row
    await store.sweep_blobs()
    assert [path for path, _ in paths(database_url)] == [row.path]

    await store.create_job(job(), [benchmark()], actor="ada")
    await store.save_attempt(attempt())
    await store.add_artifact(artifact(path=row.path))
    age(database_url)
    await store.sweep_blobs()
    assert [path for path, _ in paths(database_url)] == [row.path]
