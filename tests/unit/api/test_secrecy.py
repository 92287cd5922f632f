"""What counts as a secret in the open: URLs with a login or a key, flags and variables of commands; no bare names."""

import pytest

from evallab.api.secrecy import hidden, hidden_text, is_secret_name, shown_in


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://u:p@h/v1", "http://***@h/v1"),
        ("https://tok@github.com/a/b.git", "https://***@github.com/a/b.git"),
        ("http://h/v1?api_key=abc&x=1", "http://h/v1?api_key=***&x=1"),
        ("serve --api-key abc --port 1", "serve --api-key *** --port 1"),
        ("serve --api-key='a b' x", "serve --api-key=*** x"),
        ("OPENAI_API_KEY=abc serve", "OPENAI_API_KEY=*** serve"),
        ("serve --hf-token=abc", "serve --hf-token=***"),
    ],
)
def test_a_secret_in_the_open(text: str, shown: str) -> None:
    assert (hidden_text(text), shown_in(text)) == (shown, True)


@pytest.mark.parametrize(
    "text",
    [
        "serve --api-key $KEY",
        'serve --api-key "$KEY"',
        "--tokenizer foo --enable-tokenizer-info-endpoint",
        "http://h/a@b/v1",
        "question_key=4",
        "--max-tokens 4",
    ],
)
def test_what_is_none(text: str) -> None:
    assert (hidden_text(text), shown_in(text)) == (text, False)


def test_values_are_hidden_by_the_names_of_their_keys() -> None:
    found = hidden(
        {"api-key": "a", "question_key": "b", "eos_token": "c", "deep": [{"password": "d"}], "secret_ref": "e"}
    )
    assert found == {
        "api-key": "***",
        "question_key": "b",
        "eos_token": "c",
        "deep": [{"password": "***"}],
        "secret_ref": "e",
    }


def test_names() -> None:
    told = ("HF_TOKEN", "hub-token", "AWS_SECRET_ACCESS_KEY", "passwd", "token", "key")
    assert [name for name in (*told, "tokenizer", "secret_ref", "setup_key") if is_secret_name(name)] == list(told)
