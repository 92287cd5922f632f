"""Checks what adapters post against the attempts that are expected, and has it on disk before it is acknowledged.

Called by the HTTP door (`receiver.app`) in whichever process has one, and by the server for events without a fence.
"""

import uuid
from collections.abc import Callable
from datetime import datetime

from evallab.api.contract import StatusEvent
from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.event import read_event
from evallab.receiver.expectation import Expectation
from evallab.receiver.expected import Expectations
from evallab.receiver.segments import Spooled
from evallab.receiver.spool import Spool


class Desk:
    """Takes events of expected attempts."""

    def __init__(
        self, spool: Spool, expected: Expectations, *, now: Callable[[], datetime], require_token: bool = False
    ) -> None:
        """`require_token`: take nothing without the attempt's token, also of adapters that know nothing of tokens."""
        self._spool, self._expected, self._now, self._require_token = spool, expected, now, require_token

    def fence(self, attempt_id: str, job_id: str, authorization: str | None) -> Expectation:
        """Say whether this attempt may report, before anything else is read of it. Raises ApiError."""
        expectation = self._expected.find(attempt_id)
        if expectation is None or expectation.job_id != job_id:
            raise ApiError("resource_not_found", kind="evaluation job", id=job_id)
        if not expectation.admits(authorization, required=self._require_token):
            raise ApiError("invalid_callback_token")
        return expectation

    async def take(self, attempt_id: str, expectation: Expectation, raw: bytes) -> None:
        """Check the posted body of an attempt that passed the fence, and make it durable. Raises ApiError."""
        event = read_event(raw)
        named = (event.provider_id, event.id, event.benchmark_index)
        if named != (expectation.provider_id, expectation.benchmark_id, expectation.benchmark_index):
            raise ApiError("resource_not_found", kind="benchmark", id=event.id)
        await self.keep(attempt_id, event)

    async def keep(self, attempt_id: str, event: StatusEvent) -> None:
        """Make an event durable. Raises ApiError when the disk does not take it."""
        body = event.model_dump(mode="json", exclude_none=True)
        spooled = Spooled(id=uuid.uuid4().hex, attempt_id=attempt_id, received_at=self._now(), body=body)
        try:
            await self._spool.put(spooled)
        except OSError as error:
            raise ApiError("insufficient_storage", reason=f"{error.strerror}.") from error
