"""What belongs to the test sets: a pure function of the item itself, so training can never draw it by chance."""

import zlib


def held(key: str, one_in: int) -> bool:
    """Whether the item `key` is kept for testing."""
    return zlib.crc32(key.encode()) % one_in == 0
