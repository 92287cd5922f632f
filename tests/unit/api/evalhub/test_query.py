"""Queries as EvalHub reads them, refusals in its words."""

from types import MappingProxyType

import pytest

from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.query import (
    Filter,
    ListQuery,
    LogQuery,
    Pairs,
    Term,
    boolean,
    parse_index,
    parse_log_query,
    parse_query,
)

JOBS = ("limit", "offset", "status", "name", "tags", "owner", "experiment_id")
PROVIDERS = ("limit", "offset", "benchmarks", "name", "tags", "owner", "scope")


def terms(*groups: tuple[str, ...]) -> Filter:
    return tuple(tuple(Term(text.removeprefix("!"), text.startswith("!")) for text in group) for group in groups)


def test_nothing_asked_is_the_first_page() -> None:
    assert parse_query([], JOBS) == ListQuery(limit=50, offset=0, filters={}, benchmarks=True)


def test_everything_at_once() -> None:
    pairs = [
        ("limit", "+5"),
        ("offset", "010"),
        ("benchmarks", "F"),
        ("tags", "a,b|c"),
        ("tags", "d"),
        ("name", "!x"),
        ("scope", "tenant"),
        ("owner", ""),
    ]
    assert parse_query(pairs, PROVIDERS) == ListQuery(
        limit=5,
        offset=10,
        filters=MappingProxyType({"tags": terms(("a",), ("b", "c"), ("d",)), "name": ((Term("!x"),),)}),
        scope="tenant",
        benchmarks=False,
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("pending", terms(("pending",))),
        ("!pending|running,!failed", terms(("!pending", "running"), ("!failed",))),
        ("a,,b", terms(("a",), ("b",))),
        ("|", ()),
        ("", ()),
        ("!", ()),
        ("!!a", ((Term("!a", negated=True),),)),
    ],
)
def test_filters(value: str, expected: Filter) -> None:
    assert parse_query([("status", value)], JOBS).filter("status") == expected


def test_only_owner_and_status_are_negated() -> None:
    query = parse_query([(name, "!x") for name in JOBS[2:]], JOBS)
    negated = ((Term("x", negated=True),),)
    plain = ((Term("!x"),),)
    assert dict(query.filters) == {
        "status": negated,
        "name": plain,
        "tags": plain,
        "owner": negated,
        "experiment_id": plain,
    }


@pytest.mark.parametrize("pairs", [[("limit", "0")], [("limit", "0"), ("limit", "x")]])
def test_a_limit_of_zero_is_all_and_the_first_of_several_counts(pairs: Pairs) -> None:
    assert parse_query(pairs, JOBS) == ListQuery(limit=0)


INTEGER = "The query parameter 'limit' is not a valid integer: '{}'."
UNKNOWN = "The parameter '{}' is not a valid query parameter. Allowed parameters are: {}."
SCOPE = (
    "query_parameter_value_invalid",
    "The query parameter 'scope' is not valid. Allowed values are: 'system|tenant'.",
)
MISMATCH = ("query_parameter_mismatch", "The query parameters 'owner,scope' are mutually exclusive.")
REFUSED = [
    *(
        (PROVIDERS, [("limit", text)], ("query_parameter_invalid", INTEGER.format(text)))
        for text in ("abc", "1.5", "0x10", "1_0", " 5", "٥", "99999999999999999999", "9223372036854775808")
    ),
    (
        JOBS,
        [("limit", "-1"), ("foo", "1")],
        ("query_parameter_invalid", "The query parameter 'limit' is not a valid positive integer: '-1'."),
    ),
    (
        JOBS,
        [("offset", "-1")],
        ("query_parameter_invalid", "The query parameter 'offset' is not a valid positive integer: '-1'."),
    ),
    (
        PROVIDERS,
        [("benchmarks", "tRUE")],
        ("query_parameter_invalid", "The query parameter 'benchmarks' is not a valid boolean: 'tRUE'."),
    ),
    (
        PROVIDERS,
        [("benchmarks", "z"), ("foo", "")],
        ("query_bad_parameter", UNKNOWN.format("foo", ", ".join(PROVIDERS))),
    ),
    (JOBS, [("Limit", "1")], ("query_bad_parameter", UNKNOWN.format("Limit", ", ".join(JOBS)))),
    (JOBS, [("scope", "system")], ("query_bad_parameter", UNKNOWN.format("scope", ", ".join(JOBS)))),
    (JOBS, [("a\0b", "1")], ("query_bad_parameter", UNKNOWN.format("a\\x00b", ", ".join(JOBS)))),
    (PROVIDERS, [("scope", "zzz")], SCOPE),
    (PROVIDERS, [("scope", "system"), ("scope", "tenant")], SCOPE),
    (PROVIDERS, [("scope", "zz"), ("foo", "1")], SCOPE),
    (PROVIDERS, [("scope", "zz"), ("owner", "a")], MISMATCH),
    (
        JOBS,
        [("name", "a\0b")],
        ("query_parameter_invalid", "The query parameter 'name' is not a valid text: 'a\\x00b'."),
    ),
    (
        JOBS,
        [("name", "\ud800")],
        ("query_parameter_invalid", "The query parameter 'name' is not a valid text: '\\ud800'."),
    ),
    (
        JOBS,
        [("tags", "a," * 201)],
        (
            "query_parameter_invalid",
            f"The query parameter 'tags' is not a valid filter of at most 200 values: '{'a,' * 20}…'.",
        ),
    ),
]


@pytest.mark.parametrize(("allowed", "pairs", "expected"), REFUSED)
def test_refusals(allowed: tuple[str, ...], pairs: Pairs, expected: tuple[str, str]) -> None:
    with pytest.raises(ApiError) as caught:
        parse_query(pairs, allowed)
    assert (caught.value.message_code, caught.value.message) == expected
    assert caught.value.status == 400


def test_log_queries() -> None:
    assert parse_log_query([("foo", "1"), ("tail_lines", ""), ("timestamps", "")]) == LogQuery(tail_lines=1000)
    asked = [("tail_lines", "-1"), ("timestamps", "1"), ("since_seconds", "60"), ("follow", "true")]
    assert parse_log_query(asked) == LogQuery(tail_lines=None, timestamps=True, since_seconds=60, follow=True)


LINES = "The query parameter 'tail_lines' is not a valid integer between 1 and 10000, or -1 for all lines: '{}'."


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("tail_lines", "abc", "The query parameter 'tail_lines' is not a valid integer: 'abc'."),
        *(("tail_lines", text, LINES.format(text)) for text in ("0", "-2", "10001")),
        ("timestamps", "zz", "The query parameter 'timestamps' is not a valid boolean: 'zz'."),
        ("follow", "yes", "The query parameter 'follow' is not a valid boolean: 'yes'."),
        ("since_seconds", "x", "The query parameter 'since_seconds' is not a valid integer: 'x'."),
        ("since_seconds", "0", "The query parameter 'since_seconds' is not a valid positive integer: '0'."),
        ("since_seconds", "", "The query parameter 'since_seconds' is required."),
    ],
)
def test_refused_log_queries(name: str, value: str, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_log_query([(name, value)])
    assert caught.value.message == message


def test_flags() -> None:
    yes, no = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False", "")
    assert [boolean([("hard_delete", text)], "hard_delete") for text in yes + no] == [True] * 6 + [False] * 7
    assert boolean([("foo", "1")], "hard_delete") is False
    with pytest.raises(ApiError) as caught:
        boolean([("hard_delete", "zz")], "hard_delete")
    assert caught.value.message == "The query parameter 'hard_delete' is not a valid boolean: 'zz'."


def test_the_index_in_a_path() -> None:
    assert [parse_index(text) for text in ("0", "+1", "12")] == [0, 1, 12]
    for text in ("abc", "-1", "1.0", "", "9" * 30):
        with pytest.raises(ApiError) as caught:
            parse_index(text)
        assert caught.value.message == (
            f"The query parameter 'benchmark_index' is not a valid non-negative integer: '{text}'."
        )
