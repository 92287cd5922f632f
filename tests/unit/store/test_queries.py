"""queries.sql becomes a mapping, or says which rule it breaks."""

import re
from pathlib import Path

import pytest

from evallab.store.queries import QUERIES, SQL, parse

STORE = Path(SQL).parent


def test_a_query_is_what_follows_its_name_and_purpose() -> None:
    text = (
        "-- head\n-- name: one\n-- Why.\n-- More.\nSELECT 1;\n-- ---- part\n\n-- name: two\n-- Why.\nSELECT\n    2;\n"
    )
    assert dict(parse(text)) == {"one": "SELECT 1", "two": "SELECT\n    2"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-- name: one\nSELECT 1;", "'one' has no line that says what it is for"),
        ("-- name: one\n", "'one' has no line"),
        ("-- name: one\n-- Why.\n", "'one' is empty"),
        ("-- name: Not Good\n-- Why.\nSELECT 1;", "'Not Good' is not a new snake_case name"),
        ("-- name: one\n-- Why.\nSELECT 1;\n-- name: one\n-- Why.\nSELECT 2;", "'one' is not a new"),
    ],
)
def test_a_broken_file_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)  # type: ignore[arg-type, unused-ignore]


def test_every_query_is_used_and_every_used_query_exists() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in STORE.glob("*.py"))
    assert [name for name in QUERIES if f'"{name}"' not in code] == []
    assert set(re.findall(r'QUERIES\["(\w+)"\]', code)) <= QUERIES.keys()


def test_there_is_no_sql_in_python() -> None:
    statement = re.compile(r'"\s*(SELECT|INSERT|UPDATE|DELETE|COPY|CREATE|LISTEN|SET|WITH)\s')
    found = [path.name for path in STORE.glob("*.py") if statement.search(path.read_text(encoding="utf-8"))]
    assert found == []
