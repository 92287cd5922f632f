"""The embedded Postgres: what evallab stores into when nobody named a database.

One detached supervisor per `EVALLAB_HOME` starts PostgreSQL on demand, serves every evallab process of that user and
leaves when it is idle. The store asks for a URL with `ensure`; the command line offers `db start|stop|url|psql`.
Why and how: `docs/explanation/embedded-postgres.md`.
"""

from evallab.store.embedded.access import binaries, ensure, running, stop

__all__ = ["binaries", "ensure", "running", "stop"]
