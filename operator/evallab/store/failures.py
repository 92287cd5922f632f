"""What psycopg's errors mean: passing (try again), lasting (say so), or a refusal of the data (say why).

`transactions` asks here, in one place, so that no other module of the store looks at a database error.
"""

import psycopg
from psycopg import errors

from evallab.api.errors import EvallabError, NotFound, StoreUnavailable

_LASTING = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied",
    "unsupported startup parameter",
)
_REMEDY = "Check that Postgres runs and that EVALLAB_DATABASE_URL is right, then repeat: what was committed is kept."


def is_passing(error: Exception) -> bool:
    """Whether the same transaction may succeed later: the server or the connection went, or writers collided."""
    if isinstance(error, psycopg.InterfaceError):  # "the connection is closed": noticed after the fact
        return True
    if not isinstance(error, psycopg.OperationalError) or isinstance(
        error, errors.QueryCanceled | errors.ProgramLimitExceeded
    ):
        return False
    said = str(error).lower()
    return not any(sign in said for sign in _LASTING)


def is_unprepared(error: Exception) -> bool:
    """Whether a prepared statement went: a connection pooler sits between, or somebody migrated meanwhile."""
    if isinstance(error, errors.FeatureNotSupported):
        return "cached plan" in str(error)
    return isinstance(error, errors.InvalidSqlStatementName | errors.DuplicatePreparedStatement)


def translated(error: psycopg.Error) -> EvallabError:
    """Return what to raise for an error that is not worth another try."""
    if isinstance(error, errors.ForeignKeyViolation):
        return NotFound(f"{error.diag.message_detail or error}", remedy="Record the row it belongs to first.")
    too_large = isinstance(error, errors.ProgramLimitExceeded)  # psycopg counts it among the operational ones
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not too_large:
        return unavailable(error)
    reason = error.diag.message_primary or str(error)
    return EvallabError(f"Postgres refused: {reason}.", remedy=error.diag.message_hint or "")


def unavailable(error: Exception) -> StoreUnavailable:
    """Return the error to end with when Postgres stayed away; an explanation that exists already is kept."""
    if isinstance(error.__cause__, StoreUnavailable):
        return error.__cause__
    reason = " ".join(str(error).split()) or type(error).__name__
    return StoreUnavailable(f"Postgres cannot be reached: {reason}", remedy=_REMEDY)
