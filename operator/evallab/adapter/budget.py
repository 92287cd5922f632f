"""When a server is evidently gone: then the attempt ends, instead of turning every question into an error. Pure.

`connection` reports every try and every request that was lost after all its tries. What ends the attempt is a
`ModelServerFailed`: unlike `AdapterFailed`, which would fail again, it is retried, and the next attempt resumes.
"""

from evallab.api.errors import ModelServerFailed

_REMEDY = "See the model server's log. Answers so far are kept, a retry asks only what is missing."


class ErrorBudget:
    """Counts what failed since the server last did what it was asked."""

    def __init__(self, *, lost: int, silent: int) -> None:
        """Allow so many requests lost in a row, and so many tries in a row without any reply."""
        self._most_lost = lost
        self._most_silent = silent
        self._lost = self._silent = 0

    def answered(self) -> None:
        """Note a reply that judged the request: an answer, or a refusal of this one request."""
        self._lost = self._silent = 0

    def tried(self, *, replied: bool, why: str) -> None:
        """Note a try that failed."""
        self._silent = 0 if replied else self._silent + 1
        if self._silent > self._most_silent:
            raise ModelServerFailed(f"The model server stopped answering: {why}", remedy=_REMEDY)

    def lost(self, why: str) -> None:
        """Note a request that is given up after all its tries."""
        self._lost += 1
        if self._lost >= self._most_lost:
            raise ModelServerFailed(
                f"The model server is gone or beyond its limits: {self._lost} requests in a row failed "
                f"after all their tries, the last with: {why}.",
                remedy=_REMEDY,
            )
