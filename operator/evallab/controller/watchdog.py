"""Is a watch dead? A rule without a clock: what the API server confirmed must come back by the watch.

A watch can fall silent without an error, and a quiet cluster looks the same. So every status that was written is
expected to arrive, and what a refresh finds newer than what is known. Only time during which the API server answered
counts: while it is away no watch can live, and starting anew would not help.
"""

from dataclasses import dataclass, field

LATE_S = 120.0  #: kopf starts a silent stream anew after 70 s by itself


@dataclass
class Watchdog:
    """What is expected, and since when."""

    _expected: dict[str, tuple[str, float]] = field(default_factory=dict)
    answered_at: float = float("-inf")  #: when the API server last answered

    def expect(self, uid: str, version: str, now: float) -> None:
        """Say that an object has this version by now; the first one that does not arrive is the one that counts."""
        self.answered_at = now
        self._expected.setdefault(uid, (version, now))

    def arrived(self, uid: str, version: str) -> None:
        """Say that the watch brought an object, in this version or gone ("")."""
        wanted = self._expected.get(uid)
        if wanted and (not version or not _older(version, wanted[0])):
            del self._expected[uid]

    def answered(self, now: float) -> None:
        """Say that the API server answers."""
        self.answered_at = now

    def dead(self, now: float) -> str:
        """Return what is missing if the watch is dead, "" when it is not."""
        late = [uid for uid, (_, at) in self._expected.items() if min(now, self.answered_at) - at > LATE_S]
        return f"no event for EvalJob {late[0]} within {LATE_S:g} s" if late else ""


def _older(version: str, than: str) -> bool:
    return version.isdigit() and than.isdigit() and int(version) < int(than)
