"""Whether anybody uses the embedded Postgres; decides when the supervisor may leave.

Somebody uses it who is connected, or who asked for the URL (`access.ensure` touches `used`) within the idle time.
"""

import time
from contextlib import suppress

import psycopg
from psycopg import sql

from evallab.store.embedded.datadir import DATABASE
from evallab.store.embedded.layout import Layout

_CLIENTS = """
select count(*) from pg_stat_activity
where backend_type in ('client backend', 'walsender') and pid <> pg_backend_pid()
"""


class Activity:
    """Watches one server over a connection of its own, which it does not count."""

    def __init__(self, layout: Layout, *, idle_s: float) -> None:
        """Count from now: a server that just started is in use."""
        self._layout = layout
        self._idle_s = idle_s
        self._connection: psycopg.Connection[tuple[int]] | None = None
        self._last_touch = self._touched()
        self._last_used = time.monotonic()

    def connect(self, url: str) -> None:
        """Connect (again) to a server that was just started, and make the database when it is missing.

        Raises psycopg.Error.
        """
        self.close()
        # "postgres", not "evallab": that one may be dropped and restored while we watch.
        self._connection = psycopg.connect(
            url, dbname="postgres", autocommit=True, connect_timeout=10, application_name="evallab supervisor"
        )
        known = self._connection.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone()
        if known is None:
            self._connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
        self._last_used = time.monotonic()

    def idle(self) -> bool:
        """Return whether nobody used the server for the idle time."""
        touch, before = self._touched(), self._last_touch
        self._last_touch = touch
        if self._clients() or touch != before:
            self._last_used = time.monotonic()
        # The age as well as the change: two touches may bear the same time where file times are coarse.
        young = 0 <= time.time() - touch / 1e9 < self._idle_s
        return not young and time.monotonic() - self._last_used >= self._idle_s

    def close(self) -> None:
        """Give up the connection."""
        if self._connection is not None:
            self._connection.close()

    def _clients(self) -> int:
        # A server that does not answer has no clients either; the supervisor restarts it when it is dead.
        if self._connection is not None:
            with suppress(psycopg.Error):
                row = self._connection.execute(_CLIENTS).fetchone()
                return row[0] if row else 0
        return 0

    def _touched(self) -> int:
        try:
            return self._layout.used.stat().st_mtime_ns
        except FileNotFoundError:
            return 0
