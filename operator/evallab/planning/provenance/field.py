"""One fact of a record: where it stands, what it means, who says it, and why it may be unknown. Pure."""

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "number", "yes or no", "list", "mapping"]
EACH = "[]"  #: in a path: of every task; equal values are one fact
OLDER = "recorded by an earlier evallab, which did not ask"


@dataclass(frozen=True)
class Unknown:
    """A value that cannot be known, for whoever collects facts to put in its place: why."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Field:
    """A fact that every record has.

    `why` is said where nobody knew it, `none` what null means where null is an answer. `key` names the key that the
    fact belongs to. What `varies` differs between any two jobs, so it explains nothing.
    """

    path: str
    group: str
    label: str
    means: str
    source: str
    kind: Kind = "text"
    unit: str = ""
    why: str = ""
    none: str = ""
    key: Literal["", "question", "setup"] = ""
    varies: bool = False


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A field with its value; `why` is not empty where it is unknown, and then there is no value."""

    field: Field
    value: Any = None
    why: str = ""
