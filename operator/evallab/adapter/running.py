"""The main of every adapter: phases in order, one result file, one final event. Called by each adapter's `main`.

The result file is written before the final event is posted, so a result is never lost because a POST failed.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import FrameType

from evallab.adapter import metrics
from evallab.adapter.attempt import Attempt, read_attempt
from evallab.adapter.callback import Callback
from evallab.adapter.durable import write_result, write_samples
from evallab.adapter.interface import Adapter, Scored
from evallab.adapter.reporter import Reporter
from evallab.api.contract import SAMPLES_FILE, Json, Message, Result, StatusEvent
from evallab.api.errors import EvallabError

_LOG = logging.getLogger("evallab.adapter")


def run(adapter: Adapter, environ: Mapping[str, str] | None = None) -> int:
    """Run one attempt and return its exit code: 0, or 1 after a failure that was recorded."""
    _log_to_stderr()
    environ = os.environ if environ is None else environ
    try:
        attempt = read_attempt(environ)
    except EvallabError as error:
        _LOG.error("%s", error)
        return 1
    _end_on_sigterm(adapter)
    return _attempt(adapter, attempt, environ)


def _attempt(adapter: Adapter, attempt: Attempt, environ: Mapping[str, str]) -> int:
    started = datetime.now(UTC)
    reporter = Reporter(Callback(attempt.spec, environ), started)
    try:
        result = _evaluate(adapter, attempt, reporter, started)
    except Exception as error:  # noqa: BLE001 - whatever an adapter raises must end as a recorded failure
        result = _failure(error, started, confidential=_confidential(attempt))
    _close(adapter)
    try:
        write_result(attempt.result_file, result)
    except OSError as error:  # the disk is full: then the event alone says how it ended
        result = _failure(error, started, confidential=_confidential(attempt))
    reporter.finish(_final_event(attempt, result))
    _LOG.info("The benchmark %s %s", attempt.spec.benchmark_id, result.status)
    return 0 if result.status == "completed" else 1


def _evaluate(adapter: Adapter, attempt: Attempt, reporter: Reporter, started: datetime) -> Result:
    reporter.phase("initializing")
    adapter.initialize(attempt)
    reporter.phase("loading_data")
    adapter.load()
    reporter.phase("running_evaluation")
    adapter.ask(reporter.progress)
    reporter.phase("post_processing")
    scored = adapter.score()
    reporter.phase("persisting_artifacts")
    write_samples(attempt.samples_file, scored.samples)
    return _success(attempt, scored, started)


def _close(adapter: Adapter) -> None:
    try:
        adapter.close()
    except Exception:  # noqa: BLE001 - the result is known already and must still be written
        _LOG.exception("The adapter did not close cleanly")


def _success(attempt: Attempt, scored: Scored, started: datetime) -> Result:
    files = (path for path in attempt.artifacts_dir.rglob("*") if path.is_file() and path != attempt.samples_file)
    return Result(
        status="completed",
        scores=scored.scores,
        counts=scored.counts,
        question=scored.question,
        answered_by=scored.answered_by,
        provenance=scored.provenance,
        samples=SAMPLES_FILE,
        artifacts=tuple(sorted(str(path.relative_to(attempt.artifacts_dir)) for path in files)),
        warnings=scored.warnings,
        started_at=started,
        completed_at=datetime.now(UTC),
    )


def _failure(error: Exception, started: datetime, *, confidential: bool) -> Result:
    provenance: Json = {"error_type": type(error).__name__}
    if confidential:
        error = _without_words(error)
    if isinstance(error, EvallabError):
        message = Message(message=str(error), message_code=error.code)
        provenance["remedy"] = error.remedy
        _LOG.error("%s", error)
    else:
        text = f"The adapter broke: {type(error).__name__}: {error}"
        message = Message(message=text[:2000], message_code="adapter_crashed")
        provenance["remedy"] = "The traceback is in the attempt's log."
        _LOG.error("The adapter broke", exc_info=error)
    return Result(
        status="failed", error=message, provenance=provenance, started_at=started, completed_at=datetime.now(UTC)
    )


def _confidential(attempt: Attempt) -> bool:
    data = attempt.spec.evallab.test_data
    return data is not None and data.confidential


def _without_words(error: Exception) -> Exception:
    """Return an error without what others said: it may quote a question. Our sentences put that after a colon."""
    if isinstance(error, EvallabError):
        sentence = error.message.partition(": ")[0].rstrip(".")
        error.message = f"{sentence} (its words are withheld: the data is confidential)."
        error.args = (error.message,)
        return error
    return RuntimeError(f"{type(error).__name__} (its words are withheld: the data is confidential)")


def _final_event(attempt: Attempt, result: Result) -> StatusEvent:
    spec = attempt.spec
    warning = Message(message=" ".join(result.warnings), message_code="adapter_warning") if result.warnings else None
    return StatusEvent(
        provider_id=spec.provider_id,
        id=spec.benchmark_id,
        benchmark_index=spec.benchmark_index,
        status=result.status,
        phase="completed" if result.status == "completed" else None,
        metrics=metrics.by_name(result.scores, spec.primary_score) if result.scores else None,
        overall_score=metrics.primary_value(result.scores),
        error_message=result.error,
        warning_message=warning,
        additional_info={"counts": result.counts.model_dump()} if result.status == "completed" else None,
        started_at=result.started_at,
        completed_at=result.completed_at,
    )


def _end_on_sigterm(adapter: Adapter) -> None:
    signal.signal(signal.SIGTERM, _terminator(adapter))


def _terminator(adapter: Adapter) -> Callable[[int, FrameType | None], None]:
    owner = os.getpid()

    def end(_signal: int, _frame: FrameType | None) -> None:
        """Leave at once without a result: the runtime decided, and the spool keeps the answers for the next attempt."""
        try:
            if os.getpid() == owner:  # a forked child of a metric inherits this handler, not the spool
                adapter.flush()
        finally:
            os._exit(128 + signal.SIGTERM)

    return end


def _log_to_stderr() -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S"
    )
