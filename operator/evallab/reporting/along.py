"""A series by the names that a person gives: what `evallab history` and its REST route ask."""

from difflib import get_close_matches

from evallab.api.errors import NotFound
from evallab.reporting.history import History, history
from evallab.store.interface import Store


async def along(store: Store, name: str, benchmark: str, *, family: bool, limit: int) -> History:
    """Return the series of a model, or of a family, on a benchmark (id, or provider/id). Raises NotFound."""
    rows = await store.history(name, benchmark, family=family)
    if rows:
        return await history(store, name, rows, limit=limit)
    names = await store.names()
    if name in names:
        remedy = "Is it the id of a benchmark, and has a job ended? With --family, MODEL is a family."
        raise NotFound(f"{name} has no scores on {benchmark}.", remedy=remedy)
    near = get_close_matches(name, names, n=3)
    remedy = f"Near names: {', '.join(near)}." if near else "`evallab leaderboard` shows what there is."
    raise NotFound(f"There is no model or family {name!r}.", remedy=remedy)
