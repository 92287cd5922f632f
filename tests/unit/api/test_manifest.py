"""Whatever is wrong with a file is one sentence that says where."""

import itertools
import json
import time

import pytest

from evallab.api.errors import InvalidManifest
from evallab.api.manifest import parse


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidManifest) as caught:
        parse(data, name="evaljob.yaml")
    assert len(caught.value.problems) == 1
    return str(caught.value)


def test_lines_of_fields_are_remembered() -> None:
    parsed = parse(b"a: 1\nb:\n- x: 1\n  y: [2, 3]\n", name="f")
    assert parsed.data == {"a": 1, "b": [{"x": 1, "y": [2, 3]}]}
    assert dict(parsed.lines) == {
        (): 1,
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 0, "x"): 3,
        ("b", 0, "y"): 4,
        ("b", 0, "y", 0): 4,
        ("b", 0, "y", 1): 4,
    }


def test_plain_values_are_read_as_people_mean_them() -> None:
    text = b"off: 1\n"
    assert "put it in quotes" in refusal(text)
    parsed = parse(b"date: 2026-01-01\nclock: 12:30\nsmall: 1e-3\nnothing: ~\nswitch: Off\nnet: None\n", name="f")
    assert parsed.data == {
        "date": "2026-01-01",
        "clock": "12:30",
        "small": 0.001,
        "nothing": None,
        "switch": False,
        "net": "None",
    }


def test_json_is_read_as_json() -> None:
    text = '{\n\t"a": "x\u2028y \\ud83d\\ude00 \\/",\n\t"b": 1E2}'
    assert parse(text.encode(), name="f").data == json.loads(text)


def test_flow_yaml_is_not_mistaken_for_json() -> None:
    assert parse(b"{a: 1, b: [x]}", name="f").data == {"a": 1, "b": ["x"]}


def test_anchors_and_merges_work() -> None:
    parsed = parse(b"base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\nboth: {<<: [{z: 1}, {z: 2}]}\n", name="f")
    assert parsed.data == {"base": {"x": 1, "y": 2}, "mine": {"x": 1, "y": 3}, "both": {"z": 1}}


def test_a_byte_order_mark_is_not_a_mistake() -> None:
    assert parse(b"\xef\xbb\xbfa: 1", name="f").data == {"a": 1}


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# only a comment\n", b"---\n", b"null\n"])
def test_empty_file(data: bytes) -> None:
    assert refusal(data) == "evaljob.yaml: the file is empty; examples/quickstart.yaml shows what belongs in it"


def test_two_documents() -> None:
    assert refusal(b"a: 1\n---\nb: 2\n") == ("evaljob.yaml:3: holds 2 documents (separated by ---); give one per file")


def test_a_trailing_separator_is_not_a_second_document() -> None:
    assert parse(b"---\na: 1\n---\n", name="f").data == {"a": 1}


def test_tabs() -> None:
    assert refusal(b"a:\n\tb: 1\n") == ("evaljob.yaml:2: a tab is used for indentation; YAML allows only spaces there")


def test_ten_megabytes() -> None:
    assert refusal(b"a" * (10 * 1024 * 1024)) == ("evaljob.yaml: the file is 10.0 MB; a manifest may have at most 1 MB")


def test_one_byte_too_many() -> None:
    assert "1,048,577 bytes" in refusal(b"a" * (1024 * 1024 + 1))


def test_invalid_utf8() -> None:
    assert refusal(b"a: 1\nb: \xff\n") == "evaljob.yaml:2: byte 0xff is not UTF-8 text; save the file as UTF-8"


def test_duplicate_keys() -> None:
    assert refusal(b"a:\n  b: 1\n  b: 2\n") == "evaljob.yaml:3: the field a.b is given twice"


def test_yaml_bomb() -> None:
    names = "abcdefghij"
    lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]" for a, b in itertools.pairwise(names)]
    started = time.perf_counter()
    assert "holds more than 100,000 values once its aliases are written out" in refusal("\n".join(lines).encode())
    assert time.perf_counter() - started < 2


def test_yaml_that_contains_itself() -> None:
    assert refusal(b"a: &a [*a]") == "evaljob.yaml:1: the alias *a stands inside what it names"


@pytest.mark.parametrize(
    "data", [b"[" * 500_000, b'{"a":' * 200_000, b"- " * 100, b'{"a":\t' + b'{"a":' * 60 + b"1" + b"}" * 61]
)
def test_nested_too_deep(data: bytes) -> None:
    assert "nested more than 40 levels deep" in refusal(data)


@pytest.mark.parametrize("data", [b"- a\n- b\n", b"just text\n", b"42\n"])
def test_not_a_mapping(data: bytes) -> None:
    assert "must be a mapping of fields (key: value), found" in refusal(data)


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "NaN", "Infinity", "1e999"])
def test_not_a_number(value: str) -> None:
    assert refusal(f"a: 1\nb: {{c: {value}}}\n".encode()) == (
        f"evaljob.yaml:2: b.c: {value} cannot be used as a number (put it in quotes if it is text)"
    )


def test_not_a_number_in_json_with_tabs() -> None:
    assert "NaN cannot be used as a number" in refusal(b'{\t"a": "\\ud83d\\ude00",\t"b": NaN}')


@pytest.mark.parametrize("data", [b"a: !!python/object:os.system x", b"a: !!binary aGk=", b"a: !own {x: 1}"])
def test_foreign_tags(data: bytes) -> None:
    assert "is not allowed here" in refusal(data)


@pytest.mark.parametrize("data", [b"a: [1,\n", b"a: b: c\n", b"a: *missing\n", b'a: "x\n', b"a: @x", b"a: 1\x00"])
def test_broken_yaml(data: bytes) -> None:
    assert refusal(data).startswith("evaljob.yaml")


def test_a_number_that_is_too_long() -> None:
    assert "is not a number that can be read" in refusal(b"a: " + b"1" * 5000)
