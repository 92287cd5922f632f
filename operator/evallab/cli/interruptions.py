"""Ctrl-C, SIGTERM and a closed terminal while a job runs here: once ends it cleanly, twice at once. For `running`.

Before the job exists a signal gives up what is being opened; from then on it cancels the job, whose end is recorded.
The handlers stay until the event loop is closed, so that no moment is left in which a signal means something else.
"""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Self

from evallab.api.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Cancel = Callable[[], Coroutine[None, None, None]]
SHOW_CURSOR = "\x1b[?25h"


class Interruptions:
    """The first signal asks for a clean end; the second ends this process, and the leash ends what it started."""

    def __init__(self) -> None:
        """Nothing is taken over yet."""
        self.happened = False
        self._opening: asyncio.Task[object] | None = None
        self._cancel: Cancel | None = None
        self._cancelling: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        """Take over the signals that mean "stop", except those that somebody wants ignored (nohup)."""
        self._opening = asyncio.current_task()
        for each in SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(each, self._on_signal, each)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """From here on a first signal comes too late to change anything."""
        self._opening = self._cancel = None
        if self.happened and kind is asyncio.CancelledError:
            raise Interrupted("Interrupted before the job began; nothing was started.") from None

    def hold(self) -> None:
        """A job is being made: a signal waits until there is an answer to it."""
        self._opening = None

    def answer(self, cancel: Cancel) -> None:
        """Cancel the job from now on, and at once when a signal came meanwhile."""
        self._cancel = cancel
        if self.happened:
            self._begin()

    async def settle(self) -> None:
        """Wait for the cancellation that was asked for."""
        self._cancel = None
        if self._cancelling:
            await self._cancelling

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGHUP:
            _leave_terminal()
        if self.happened:
            _say(SHOW_CURSOR if sys.stderr.isatty() else "")
            os._exit(130)
        self.happened = True
        _say("\ncancelling (once more: stop at once)\n")
        if self._opening:
            self._opening.cancel()
        self._begin()

    def _begin(self) -> None:
        if self._cancel and self._cancelling is None:
            self._cancelling = asyncio.get_running_loop().create_task(self._cancel())


def _say(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _leave_terminal() -> None:
    """The terminal is gone: writing to it would fail, and with it whatever is being recorded."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(stream).st_mode):  # `isatty` denies that a terminal that is gone is one
                os.dup2(nowhere, stream)
    os.close(nowhere)
