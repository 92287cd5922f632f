"""schema.sql and views.sql describe exactly what the migrations make: two databases, one catalog."""

from pathlib import Path

import psycopg

from evallab.store.connection import open_store
from evallab.store.queries import SQL, parse, read

CATALOG = parse(read(Path(__file__).with_name("catalog.sql")))


def catalog(url: str) -> dict[str, list[str]]:
    with psycopg.connect(url) as connection:
        return {kind: sorted(map(repr, connection.execute(query))) for kind, query in CATALOG.items()}


async def test_both_lead_to_the_same_catalog(empty_database_url: str, second_database_url: str, tmp_path: Path) -> None:
    async with open_store(url=empty_database_url, home=tmp_path):
        migrated = catalog(empty_database_url)
    with psycopg.connect(second_database_url) as connection:
        for name in ("schema.sql", "views.sql"):
            connection.execute((SQL / name).read_bytes())
    described = catalog(second_database_url)

    assert all(migrated.values())
    assert described == migrated
