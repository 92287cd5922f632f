"""How an attempt ended, as a function of a set of facts.

Facts only accumulate, so neither their order nor their repetition can matter: `conclude` sees the set, not the
sequence. An attempt has ended when its process is gone; what it left then decides. Called by `planning.lifecycle`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["completed", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What the adapter itself said about its end, by event or result file; both kinds may be there."""

    completed: bool = False
    failed: bool = False
    final: bool = False  #: a failure by event only: a foreign adapter has judged, another attempt would judge the same
    code: str = ""  #: message_code of the failure
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What happened to an attempt from outside: a reason, a sentence, a remedy."""

    reason: str
    message: str
    remedy: str = ""

    @property
    def sentence(self) -> str:
        """The message with its remedy."""
        return f"{self.message} {self.remedy}".strip()


@dataclass(frozen=True, kw_only=True)
class AttemptFacts:
    """Everything known of one attempt."""

    gone: bool  #: its process has ended
    declared: Declared = Declared()
    code: int | None = None
    signal: int | None = None
    orphaned: bool = False  #: ended because the process that started it died
    vanished: bool = False  #: gone without an exit record
    stop_reason: str | None = None  #: why evallab told it to stop
    stop_message: str = ""  #: what was found when it was told so
    cause: Cause | None = None  #: what the runtime knows of its end; while it is not gone: why it has to end
    declared_s: float | None = None  #: for how long its end has been declared


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """An end: its reason (CamelCase, stable), a sentence, and what to do about it."""

    outcome: Outcome
    reason: str
    message: str = ""
    remedy: str = ""

    @property
    def retry(self) -> bool:
        """Whether another attempt may end differently."""
        return self.reason in RETRIED or self.disrupted

    @property
    def disrupted(self) -> bool:
        """Whether it was ended by what is not its own fault."""
        return self.reason in DISRUPTIONS

    @property
    def sentence(self) -> str:
        """The message with its remedy."""
        return f"{self.message} {self.remedy}".strip()


#: Reasons after which another attempt may end differently. An adapter that refused will refuse again.
RETRIED = frozenset(
    {
        *("AdapterFailed", "ExitedNonZero", "Killed", "NoResult", "OwnerDied", "Signalled", "TimedOut", "Vanished"),
        *("JobDeleted", "ResultsMissing"),
    }
)
#: Ends that nobody asked for and that another attempt will hardly meet again: they cost no retry.
DISRUPTIONS = frozenset({"Evicted", "ModelServerDied", "NodeLost", "PodDeleted", "Preempted", "StartLost", "Suspended"})
#: Codes by which an adapter of evallab says that the question makes no sense to it.
REFUSALS = frozenset({"adapter_failed", "usage", "invalid_manifest"})

MODEL_SERVER_DIED = Conclusion(
    outcome="failed",
    reason="ModelServerDied",
    message="The model server died while this benchmark was asking it.",
    remedy="See the model server's log.",
)
STOPPED = {
    "Cancelled": Conclusion(outcome="cancelled", reason="Cancelled", message="It was cancelled."),
    "TimedOut": Conclusion(
        outcome="failed",
        reason="TimedOut",
        message="It ran longer than its time limit.",
        remedy="Raise timeoutSeconds, or ask fewer questions (parameters.limit).",
    ),
    "ModelServerDied": MODEL_SERVER_DIED,
    "Suspended": Conclusion(
        outcome="failed",
        reason="Suspended",
        message="Its job was suspended.",
        remedy="Set spec.suspend to false to go on; answers that had arrived are asked only once.",
    ),
}


def _disowned(facts: AttemptFacts) -> Conclusion | None:
    """An adapter that said it failed is believed, also when it reported a result before."""
    if not facts.declared.failed:
        return None
    refused = facts.declared.final or facts.declared.code in REFUSALS
    return Conclusion(
        outcome="failed",
        reason="AdapterRefused" if refused else "AdapterFailed",
        message=facts.declared.message or "The adapter reported a failure without saying why.",
    )


def _reported(facts: AttemptFacts) -> Conclusion | None:
    """A result that was written counts, whatever happened to the process afterwards."""
    return Conclusion(outcome="completed", reason="Completed") if facts.declared.completed else None


def _stopped(facts: AttemptFacts) -> Conclusion | None:
    """What evallab found and ended it for has its own words; after the ends that everybody knows."""
    if facts.stop_reason is None or facts.stop_reason == "Lingered":
        return None
    found = Conclusion(outcome="failed", reason=facts.stop_reason, message=facts.stop_message)
    return STOPPED.get(facts.stop_reason, found)


def _caused(facts: AttemptFacts) -> Conclusion | None:
    """What the runtime knows of an end says more than an exit code."""
    if facts.cause is None:
        return None
    return Conclusion(
        outcome="failed", reason=facts.cause.reason, message=facts.cause.message, remedy=facts.cause.remedy
    )


def _orphaned(facts: AttemptFacts) -> Conclusion | None:
    if not facts.orphaned:
        return None
    return Conclusion(
        outcome="failed",
        reason="OwnerDied",
        message="The evallab process that ran it died, and it ended with it.",
        remedy="Go on with it: evallab resume JOB. Answers that had arrived are asked only once.",
    )


def _vanished(facts: AttemptFacts) -> Conclusion | None:
    if not facts.vanished:
        return None
    return Conclusion(
        outcome="failed",
        reason="Vanished",
        message="Its process is gone and left no exit record (killed with SIGKILL, or the machine restarted).",
    )


def _signalled(facts: AttemptFacts) -> Conclusion | None:
    number = facts.signal or _of_shell(facts.code or 0)
    if number is None:
        return None
    killed = number == 9
    return Conclusion(
        outcome="failed",
        reason="Killed" if killed else "Signalled",
        message=f"The adapter was ended by signal {number}"
        + (" (out of memory, or killed by hand)." if killed else "."),
        remedy=("Free memory, or ask fewer things at once; see" if killed else "See") + " its log: evallab logs JOB.",
    )


def _of_shell(code: int) -> int | None:
    """A shell that waited for the adapter says 128 + n when signal n ended it."""
    return code - 128 if 128 < code <= 192 else None


def _command(facts: AttemptFacts) -> Conclusion | None:
    """126 and 127 are the shell's words for a command that it cannot run."""
    if facts.code not in {126, 127}:
        return None
    found = "was not found" if facts.code == 127 else "is not executable"
    return Conclusion(
        outcome="failed",
        reason="CommandNotFound",
        message=f"The provider's command {found}.",
        remedy="Check runtime.local.command of the provider: evallab providers ID; the log has the shell's message.",
    )


def _exited(facts: AttemptFacts) -> Conclusion:
    if facts.code:
        return Conclusion(
            outcome="failed",
            reason="ExitedNonZero",
            message=f"The adapter exited with code {facts.code} without a result.",
            remedy="See its log: evallab logs JOB.",
        )
    return Conclusion(
        outcome="failed",
        reason="NoResult",
        message="The adapter exited with code 0 but reported no result.",
        remedy="An adapter posts a completed event or writes a result file before it exits; see: evallab logs JOB.",
    )


RULES: tuple[Callable[[AttemptFacts], Conclusion | None], ...] = (
    _disowned,
    _reported,
    _stopped,
    _caused,
    _orphaned,
    _vanished,
    _signalled,
    _command,
)


def conclude(facts: AttemptFacts) -> Conclusion | None:
    """Return how the attempt ended, or None while it goes on. The first rule that knows wins."""
    if not facts.gone:
        return None
    for rule in RULES:
        if conclusion := rule(facts):
            return conclusion
    return _exited(facts)
