"""Rows that a server pages, queues and serves by: queries and pages of jobs, the queue, a catalogue made over REST.

Re-exported by `interface`; made by the parts `pages`, `queueing` and `entries`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from evallab.api.evalhub.query import Filter
from evallab.store.values import EventRow, JobSnapshot, Json

EntryKind = Literal["provider", "collection"]


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """A place in the list of jobs: right after this one."""

    created_at: datetime
    id: str


@dataclass(frozen=True, kw_only=True)
class JobQuery:
    """Which jobs, and which page of them. A filter is an AND of ORs; `()` asks nothing.

    With a tenant: its own jobs and those of the owner "system"; without: all. `offset` counts from `after`.
    """

    limit: int | None = 50  #: None for all
    offset: int = 0
    after: Cursor | None = None
    states: Filter = ()
    names: Filter = ()
    tags: Filter = ()
    owners: Filter = ()
    experiments: Filter = ()  #: by the experiment's name, or its id
    tenant: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobPage:
    """One page, newest job first."""

    jobs: tuple[JobSnapshot, ...]
    total: int  #: of all pages
    next: Cursor | None  #: where the next page begins; None on the last


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """By what one notices that a job changed: `updated_at`. One that has ended looks the same until it is resumed."""

    id: str
    tenant: str | None
    owner: str | None
    created_at: datetime
    updated_at: datetime
    ended: bool


@dataclass(frozen=True, kw_only=True)
class StampPage:
    """One page as stamps, newest job first."""

    stamps: tuple[Stamp, ...]
    total: int  #: of all pages
    next: Cursor | None  #: where the next page begins; None on the last


@dataclass(frozen=True, kw_only=True)
class QueueRow:
    """One job that has not ended, as far as whose turn it is depends on it."""

    id: str
    running: bool
    shares: bool  #: it holds no model here
    attached: bool
    cancel_requested: bool
    created_at: datetime
    deadline: datetime  #: until when it may wait for its turn
    gpus: int = 0  #: how many its model is to hold on this machine


@dataclass(frozen=True, kw_only=True)
class EntryRow:
    """A provider or collection made over REST."""

    kind: EntryKind
    id: str
    tenant: str | None
    owner: str | None
    created_at: datetime
    updated_at: datetime
    body: Json  #: as it was sent: order and numbers stay


@dataclass(frozen=True, kw_only=True)
class ArrivedEvent:
    """An event with its place in the order of arrival."""

    arrival: int
    index: int  #: of its benchmark
    event: EventRow


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What goes on, in numbers."""

    waiting: int  #: jobs that wait
    running: int  #: jobs that run
    attempts: int  #: attempts that run
