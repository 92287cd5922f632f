"""Which database, and opening it: the one function the composition roots (cli, server, controller) call for a store."""

from collections.abc import Callable, Generator
from pathlib import Path
from types import TracebackType

from evallab.store import migrate as migrations
from evallab.store.postgres import PostgresStore

START_S = 30.0  #: so long the embedded server may take to start


def open_store(
    *, url: str | None, home: Path, migrate: bool = True, patience_s: float = 120.0, connections: int = 4
) -> "Opening":
    """Return the store at `url`, else the embedded one of `home`, migrated; to be awaited, or used in `async with`.

    With `migrate=False` the schema is only checked. Raises StoreUnavailable when there is no usable database.
    """
    return Opening(
        PostgresStore(source(url, home, patience_s=patience_s), connections=connections, patience_s=patience_s),
        migrate=migrate,
    )


class Opening:
    """A store about to be opened: `await` gives it (the caller closes it), `async with` closes it too."""

    def __init__(self, store: PostgresStore, *, migrate: bool) -> None:
        """Nothing is connected yet."""
        self._store = store
        self._step = migrations.migrate if migrate else migrations.check

    def __await__(self) -> Generator[object, None, PostgresStore]:
        return self._opened().__await__()

    async def __aenter__(self) -> PostgresStore:
        return await self._opened()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._store.close()

    async def _opened(self) -> PostgresStore:
        try:
            await self._store.prepare(self._step)
        except BaseException:
            await self._store.close()
            raise
        return self._store


def source(url: str | None, home: Path, *, patience_s: float = START_S) -> Callable[[], str]:
    """Return what names the database's URL each time it is asked, starting the embedded server when it is not there.

    Its first start may take longer than whoever asks later is willing to wait for one that went away.
    """
    if url:
        return lambda: url
    from evallab.store.embedded import ensure  # its package is an extra that a server with a database does without

    reached = False

    def ask() -> str:
        nonlocal reached
        found = ensure(home, timeout_s=min(START_S, patience_s) if reached else START_S)
        reached = True
        return found

    return ask
