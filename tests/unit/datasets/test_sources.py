"""What words and manifests mean, and what a source is called without telling its secrets."""

from pathlib import Path

import pytest

from evallab.api import job
from evallab.api.errors import UsageError
from evallab.api.job import TestData
from evallab.datasets.failures import ALL
from evallab.datasets.sources import Source, bare, of_test_data, parse

HERE = Path("/manifests")


@pytest.mark.parametrize(
    ("words", "source"),
    [
        ("hf:openai/gsm8k", Source(kind="hf", location="openai/gsm8k")),
        ("hf:openai/gsm8k@main", Source(kind="hf", location="openai/gsm8k", revision="main")),
        ("https://h/x.jsonl?a=b@c", Source(kind="http", location="https://h/x.jsonl?a=b@c")),
        ("git+https://h/x.git@v1", Source(kind="git", location="https://h/x.git", revision="v1")),
        ("git+https://h/x.git", Source(kind="git", location="https://h/x.git", revision="HEAD")),
        ("s3://lab/exam/x", Source(kind="s3", location="lab/exam/x")),
        ("bundled:code", Source(kind="bundled", location="code")),
        ("/a/b", Source(kind="path", location="/a/b")),
    ],
)
def test_words(words: str, source: Source) -> None:
    assert parse(words) == source


@pytest.mark.parametrize("words", ["hf:", "bundled:", "s3://"])
def test_words_that_name_nothing(words: str) -> None:
    with pytest.raises(UsageError):
        parse(words)


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (
            TestData(hf=job.HubSource(repo_id="a/b", revision="r", sub_path="s", secret_ref="file:///k")),
            Source(kind="hf", location="a/b", revision="r", sub_path="s", secret=Path("/k")),
        ),
        (
            TestData(git=job.GitSource(url="https://h/x", ref="v1"), sha256="0" * 64),
            Source(kind="git", location="https://h/x", revision="v1", sha256="0" * 64),
        ),
        (
            TestData(s3=job.BucketSource(bucket="b", key="k/x", secret_ref="keys"), confidential=True),
            Source(kind="s3", location="b/k/x", secret=HERE / "keys", confidential=True),
        ),
        (TestData(http="https://h/x"), Source(kind="http", location="https://h/x")),
        (TestData(path="../x.jsonl"), Source(kind="path", location="/x.jsonl")),
        (TestData(bundled="code"), Source(kind="bundled", location="code")),
        (TestData(pvc=job.ClaimSource(claim_name="c")), None),
    ],
)
def test_manifests(data: TestData, source: Source | None) -> None:
    assert of_test_data(data, HERE) == source


def test_secrets_are_in_no_name() -> None:
    source = parse("https://me:sesame@h/x.jsonl?sig=topsecret")
    told = source.shown + source.slug + source.identity + repr(source)
    assert "sesame" not in told
    assert "topsecret" not in told
    assert bare("https://me:sesame@h:1/x?y#z") == "https://h:1/x"


def test_places_and_revisions_have_names_of_their_own() -> None:
    words = ["hf:a/b", "hf:a-b/c", "https://h/x", "https://h/y/x", "git+https://h/x@v1", "s3://b/x", "/h/x", "/i/x"]
    slugs = {(parse(each).kind, parse(each).slug) for each in words}
    assert len(slugs) == len(words)
    assert all("/" not in slug and not slug.startswith(".") for _, slug in slugs)
    identities = {parse(f"hf:a/b@{each}").identity for each in ("main", "v1")}
    assert len(identities) == 2


def test_a_commit_is_pinned_and_a_branch_is_not() -> None:
    assert parse(f"hf:a/b@{'0' * 40}").pinned
    assert not parse("hf:a/b@main").pinned
    assert not parse("hf:a/b").pinned


def test_reasons_and_codes_differ_and_are_documented() -> None:
    assert len({each.reason for each in ALL}) == len({each.code for each in ALL}) == len(ALL)
    page = (Path(__file__).parents[3] / "docs" / "reference" / "datasets.md").read_text(encoding="utf-8")
    assert [each.reason for each in ALL if f"`{each.reason}`" not in page] == []
