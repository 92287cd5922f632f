"""One line of the table. Every `bench_*.py` has `rows() -> list[Row]`; `run.py` collects them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Sense = Literal["at most", "at least"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured figure. `target` None: for information, nothing was promised."""

    metric: str  #: what was measured, in words
    measured: float
    unit: str  #: "×" for a ratio, else "s", "MB", "requests/s", …
    target: float | None = None
    sense: Sense = "at most"  #: which side of the target is good
    note: str = ""  #: how it was measured, or where the time goes if the target is not met

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.measured <= self.target if self.sense == "at most" else self.measured >= self.target


Rows = Callable[[], list[Row]]  #: the type of each module's `rows`
