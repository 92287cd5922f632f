"""What is JSON is read as it is; everything else is one refusal, whatever the bytes."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.strict_json import MAX_DEPTH, loads

STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | STORABLE
)
JSON = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STORABLE, inner, max_size=4))
JSONISH = st.text(st.sampled_from('{}[]",:\\u0d8c1e.- \0\n\ufeffaé😀\ud800'), max_size=60)


def refusal(raw: bytes) -> str:
    with pytest.raises(ApiError) as caught:
        loads(raw)
    assert (caught.value.message_code, caught.value.status) == ("invalid_json_request", 400)
    before, after = "The request JSON is invalid: '", "'. Please check the request and try again."
    assert caught.value.message.startswith(before)
    assert caught.value.message.endswith(after)
    return caught.value.message.removeprefix(before).removesuffix(after)


REFUSED = [
    (b"", "the body is empty"),
    (b" \r\n\t", "the body is empty"),
    (b"{ not valid json", "expecting property name enclosed in double quotes at line 1, column 3"),
    (b'{"a": 1', "expecting ',' delimiter at line 1, column 8 (the text ends there)"),
    (b"{} x", "there is more after the JSON value, from line 1, column 4 on"),
    (b"{}{}", "there is more after the JSON value, from line 1, column 3 on"),
    (b'{"a": "\xff"}', "byte 0xff at position 7 is not UTF-8 text"),
    (b'{"a": "\xed\xa0\x80"}', "byte 0xed at position 7 is not UTF-8 text"),
    ('{"a": 1}'.encode("utf-16"), "byte 0xff at position 0 is not UTF-8 text"),
    (b"\xef\xbb\xbf{}", "the body begins with a byte order mark; send plain UTF-8"),
    (b'{"a": 1, "b": {"c": 1, "c": 2}}', 'the field "c" is given twice'),
    (b'{"a": 1, "\\u0061": 1}', 'the field "a" is given twice'),
    (b"[NaN]", "NaN is not a JSON number"),
    (b"[-Infinity]", "-Infinity is not a JSON number"),
    (b"[1e999]", "the number 1e999 does not fit"),
    (b"[-1e999]", "the number -1e999 does not fit"),
    (b"[" + b"9" * 309 + b"]", f"the number {'9' * 37}… does not fit"),
    (b"[" + b"9" * 5_000 + b"]", f"the number {'9' * 37}… does not fit"),
    (b'["a\\u0000b"]', "a text holds the character NUL (\\u0000), which cannot be stored"),
    (b'{"\\u0000": 1}', "a text holds the character NUL (\\u0000), which cannot be stored"),
    (b'["\\ud83d"]', "a text holds half of a surrogate pair (\\ud800 to \\udfff)"),
    (b'{"a": [{"\\uDE00\\uD83D": 1}]}', "a text holds half of a surrogate pair (\\ud800 to \\udfff)"),
    (b'["a\nb"]', "invalid control character at line 1, column 4"),
    (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "values are nested more than 64 levels deep"),
    (b"[" * 10_000, "values are nested more than 64 levels deep"),
    (b"[" * 1_000_000, "values are nested more than 64 levels deep"),
    (b'{"a":' * 1_000_000, "values are nested more than 64 levels deep"),
]


@pytest.mark.parametrize(("raw", "sentence"), REFUSED, ids=lambda each: str(each)[:40])
def test_refusals(raw: bytes, sentence: str) -> None:
    assert refusal(raw) == sentence


READ: list[tuple[bytes, Any]] = [
    (b" [1, 2.5, 0.9, -0, 1e3]\n", [1, 2.5, 0.9, 0, 1000.0]),
    (b'{"a": null, "b": [true, false, {}]}', {"a": None, "b": [True, False, {}]}),
    (b'"plain"', "plain"),
    (
        b'["\\ud83d\\ude00", "\xf0\x9f\x98\x80", "\\\\u0000", "\\\\ud800", "\\u00e9"]',
        ["😀", "😀", "\\u0000", "\\ud800", "é"],
    ),
    (b'{"[[[[": "\\"[[[[", "]": "\\\\"}', {"[[[[": '"[[[[', "]": "\\"}),
    (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)),
    (b"[" + b"[[]]," * 100 + b"1]", [[[]]] * 100 + [1]),
    (b'["' + b"[" * 100 + b'"]', ["[" * 100]),
    (b'["' + b'\\"[' * 100 + b'"]', ['"[' * 100]),
]


@pytest.mark.parametrize(("raw", "value"), READ)
def test_values_come_as_they_were_sent(raw: bytes, value: Any) -> None:
    read = loads(raw)
    assert json.dumps(read) == json.dumps(value)


@given(JSON)
def test_a_valid_document_is_read_as_json_reads_it(value: Any) -> None:
    for raw in (json.dumps(value).encode(), json.dumps(value, ensure_ascii=False, indent=1).encode()):
        assert json.dumps(loads(raw)) == json.dumps(json.loads(raw))


@given(st.binary(max_size=200) | JSONISH.map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b'"\\' + b'"' * 50 + b"[" * 100)
def test_whatever_comes_is_a_value_or_a_refusal(raw: bytes) -> None:
    value, refused = attempt(raw)
    if refused is None:
        assert json.dumps(value) == json.dumps(json.loads(raw.decode()))
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    assert refused in {None, "invalid_json_request"}


def attempt(raw: bytes) -> tuple[Any, str | None]:
    try:
        return loads(raw), None
    except ApiError as error:
        return None, error.message_code
