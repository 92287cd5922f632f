"""Lines that come with the time at which they were written, as the API server sends them. Pure; for `pod_logs`.

Asked again from a moment on, the API server repeats that whole second: what was seen already is left out.
"""


class StampedLines:
    """Puts pieces together to lines; remembers how far it came."""

    def __init__(self, *, timestamps: bool) -> None:
        """`timestamps`: leave the times before the lines."""
        self._timestamps = timestamps
        self._begun = self._until = b""
        self.last: bytes | None = None  #: time of the last line, in RFC 3339

    @property
    def seen(self) -> bool:
        """Say whether any line came."""
        return self.last is not None or bool(self._begun)

    def again(self) -> str:
        """Return from when on to ask again; what comes once more is left out."""
        self._begun, self._until = b"", _comparable(self.last or b"")
        return f"{(self.last or b'')[:19].decode('ascii', 'replace')}Z"

    def of(self, piece: bytes) -> bytes:
        """Return the new lines that a piece completes."""
        *whole, self._begun = (self._begun + piece).split(b"\n")
        return b"".join(self._line(each) + b"\n" for each in whole if self._is_new(each))

    def rest(self) -> bytes:
        """Return the line that has no end."""
        begun, self._begun = self._begun, b""
        return self._line(begun) if begun and self._is_new(begun) else b""

    def _is_new(self, line: bytes) -> bool:
        time = line.partition(b" ")[0]
        if _comparable(time) <= self._until and self._until:
            return False
        self.last = time
        return True

    def _line(self, line: bytes) -> bytes:
        return line if self._timestamps else line.partition(b" ")[2]


def _comparable(time: bytes) -> bytes:
    """Return a time such that later ones compare as greater: Go leaves trailing zeros of fractions away."""
    whole, _, fraction = time.removesuffix(b"Z").partition(b".")
    return whole + b"." + fraction.ljust(9, b"0")
