"""Signatures are those of AWS's own examples (signature version 4 test suite, and the examples of S3's reference)."""

from datetime import UTC, datetime

import pytest

from evallab.datasets.sigv4 import Credentials, signed

SUITE = Credentials(key_id="AKIDEXAMPLE", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
S3 = Credentials(key_id="AKIAIOSFODNN7EXAMPLE", secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def signature(headers: dict[str, str]) -> str:
    return headers["authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("/?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    ],
)
def test_the_examples_of_the_suite(path: str, expected: str) -> None:
    now = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
    headers = signed(f"https://example.amazonaws.com{path}", SUITE, now=now, service="service")
    assert signature(headers) == expected


@pytest.mark.parametrize(
    ("path", "extra", "expected"),
    [
        (
            "/test.txt",
            {"range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        ("/?lifecycle", {}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("/?max-keys=2&prefix=J", {}, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_the_examples_of_s3(path: str, extra: dict[str, str], expected: str) -> None:
    now = datetime(2013, 5, 24, tzinfo=UTC)
    headers = signed(f"https://examplebucket.s3.amazonaws.com{path}", S3, now=now, headers=extra)
    assert signature(headers) == expected


def test_a_session_token_is_signed_too() -> None:
    credentials = Credentials(key_id="k", secret="s", token="t")
    headers = signed("https://b.example/x", credentials, now=datetime(2026, 1, 1, tzinfo=UTC))
    assert headers["x-amz-security-token"] == "t"
    assert "x-amz-security-token" in headers["authorization"]
    assert repr(credentials) == "Credentials(key_id='k', region='us-east-1')"
