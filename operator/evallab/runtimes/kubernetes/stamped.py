"""A pod's log comes with a time before every line; kept are its text and, beside it, an index as the local shim's.

So whoever reads kept logs (`runtimes.local.log_reader`) need not know where an attempt ran. Pure; `runtime` writes.
"""

from datetime import UTC, datetime, timedelta

from evallab.runtimes.local.line_times import BEGIN, RESOLUTION, Pair, apart, packed

MOST = 32_768  #: records, half a MiB; more are told apart less finely
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
ASKED = {"timestamps": "true"}


class Stamped:
    """Takes one log apart, piece by piece."""

    def __init__(self) -> None:
        """Nothing came yet."""
        self._begun = b""
        self._offset, self._resolution = 0, RESOLUTION
        self._pairs: list[Pair] = []

    def of(self, piece: bytes) -> bytes:
        """Return the text of the lines that a piece completes."""
        *whole, self._begun = (self._begun + piece).split(b"\n")
        return b"".join(self._text(line + b"\n") for line in whole)

    def rest(self) -> bytes:
        """Return the text of the line that has no end."""
        begun, self._begun = self._begun, b""
        return self._text(begun)

    def index(self) -> bytes:
        """Return the index of what came so far; nothing when no time is known."""
        if not self._pairs:
            return b""
        return b"".join(packed(*pair) for pair in ((BEGIN, 0), *self._pairs))

    def _text(self, line: bytes) -> bytes:
        stamp, _, text = line.partition(b" ")
        moment = _moment(stamp)
        text = line if moment is None else text
        if moment is not None and text:
            self._note(moment)
        self._offset += len(text)
        return text

    def _note(self, moment: int) -> None:
        if self._pairs and abs(moment - self._pairs[-1][1]) < self._resolution:
            return
        self._pairs.append((self._offset, moment))
        while len(self._pairs) > MOST:
            self._resolution *= 2
            self._pairs = apart(self._pairs, self._resolution)


def _moment(stamp: bytes) -> int | None:
    """Return a time (RFC 3339, of any precision) in microseconds since 1970; None for what is none."""
    whole, _, fraction = stamp.removesuffix(b"Z").partition(b".")
    if not stamp.endswith(b"Z") or not (fraction.isdigit() or not fraction):
        return None
    try:
        at = datetime.strptime(whole.decode("ascii"), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (at - _EPOCH) // _MICROSECOND + int(fraction.ljust(6, b"0")[:6] or 0)
