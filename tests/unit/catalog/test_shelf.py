"""Who may see an entry: EvalHub's rules of tenancy, in its local mode."""

from datetime import UTC, datetime

import pytest

from evallab.catalog import Listed, Shelf


def at(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


def listed(name: str, day: int, tenant: str | None = None, *, system: bool = False) -> Listed[str]:
    return Listed(id=name, value=name, created_at=at(day), updated_at=at(day), tenant=tenant, system=system)


SHELF = Shelf.of(
    "provider",
    [
        listed("z-system", 1, system=True),
        listed("a-system", 2, system=True),
        listed("open", 3),
        listed("of-a", 4, "a"),
        listed("of-b", 5, "b"),
    ],
)


@pytest.mark.parametrize(
    ("tenant", "ids"),
    [
        (None, ["of-b", "of-a", "open", "a-system", "z-system"]),
        ("a", ["of-a", "a-system", "z-system"]),
        ("c", ["a-system", "z-system"]),
    ],
)
def test_lists_show_the_newest_first_and_the_system_last(tenant: str | None, ids: list[str]) -> None:
    assert [each.id for each in SHELF.listed_for(tenant)] == ids


@pytest.mark.parametrize(
    ("tenant", "ids"),
    [
        (None, {"open", "a-system", "z-system"}),
        ("a", {"of-a", "a-system", "z-system"}),
        ("c", {"a-system", "z-system"}),
    ],
)
def test_what_has_a_tenant_is_reached_only_by_naming_it(tenant: str | None, ids: set[str]) -> None:
    assert {each.id for each in SHELF if SHELF.visible(each.id, tenant)} == ids
    assert {each.id for each in SHELF.used_by(tenant)} == ids


def test_the_system_wins_over_an_entry_with_its_id() -> None:
    shelf = Shelf.of("provider", [listed("x", 1, system=True), listed("x", 2)])
    found = shelf.find("x")
    assert found is not None
    assert found.system
    assert shelf.find("y") is None
