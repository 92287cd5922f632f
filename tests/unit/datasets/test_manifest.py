"""Hashes can be checked without evallab, and names never lead out of a snapshot."""

import hashlib
from pathlib import Path

import pytest

from evallab.datasets.failures import DatasetFailed
from evallab.datasets.manifest import DataFile, digest, inside
from evallab.datasets.watch import Watch, size


def test_the_hash_is_that_of_sha256sum() -> None:
    one = DataFile(path="a", size=1, sha256="1" * 64)
    two = DataFile(path="b", size=1, sha256="2" * 64)
    assert digest([one]) == "1" * 64
    listing = f"{'1' * 64}  a\n{'2' * 64}  b\n"
    assert digest([two, one]) == hashlib.sha256(listing.encode()).hexdigest()


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", "a//b", "a\\..\\b", "a/./b", "x\0"])
def test_names_that_lead_elsewhere(name: str) -> None:
    with pytest.raises(DatasetFailed):
        inside(Path("/snapshot"), name)


def test_progress_is_told_in_tenths() -> None:
    watch = Watch()
    assert watch.sentence() == "waiting for the test data"
    watch.begin("fetching x", 2_000_000)
    watch.tick(500_000)
    assert watch.sentence() == "fetching x: 20 % of 2.0 MB"
    assert (size(12), size(1_500), size(5 * 10**12)) == ("12 bytes", "1.5 kB", "5000.0 GB")
