"""The adapter itself: the phases of one attempt, each a few calls into the modules that know how. `main` runs it."""

import asyncio
import gc
import importlib
import logging
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evallab.adapter.attempt import Attempt
from evallab.adapter.client import OpenAIClient
from evallab.adapter.connection import Connection, Patience
from evallab.adapter.credentials import api_key
from evallab.adapter.endpoint import Endpoint, endpoint
from evallab.adapter.interface import ReportProgress, Scored
from evallab.adapter.spool import SPOOL_FILE, Spool
from evallab.api.contract import JobSpec
from evallab_adapters.lm_eval_harness.parameters import Parameters, parse_parameters

_LOG = logging.getLogger("evallab.adapter")
_QUIET = {"HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "true"}
_NO_BARS = {"TQDM_DISABLE": "1"}
_FEW_BARS = {"TQDM_MININTERVAL": "60"}  #: vLLM divides by the seconds that its own bar shows, which are 0 without one


class LmEvalHarness:
    """Runs one task or group of lm-evaluation-harness against an endpoint, or a model that the harness loads.

    The harness is imported in `load`, not before: a job with a wrong parameter fails in a fraction of a second.
    """

    _spec: JobSpec
    _parameters: Parameters
    _where: Endpoint | None = None  #: none where the harness loads the model itself

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._spool: Spool | None = None
        self._runner: asyncio.Runner | None = None
        self._connection: Connection | None = None
        self._evaluation: Any = None

    def initialize(self, attempt: Attempt) -> None:
        """Read parameters, address and key; open the spool."""
        self._spec = attempt.spec
        self._parameters = parse_parameters(attempt.spec)
        if attempt.spec.evallab.in_process is None:
            self._where = endpoint(attempt.spec.model.url)
            patience = _patience(self._parameters).reduced(attempt.spec.evallab.concurrency_factor)
            key, proxies = api_key(attempt.spec.model), not self._where.local
            self._connection = Connection(key=key, patience=patience, proxies=proxies)
        self._spool = Spool(Path(attempt.workdir) / SPOOL_FILE)
        self._runner = asyncio.Runner()

    def load(self) -> None:
        """Import the harness, build tasks and prompts, meet the server."""
        own = self._spec.evallab.in_process
        evaluation = _harness(own.backend if own else None)
        if self._runner is None or self._spool is None:
            raise RuntimeError("load before initialize")
        client = None
        if self._connection is not None and self._where is not None:
            self._runner.run(self._connection.__aenter__())
            client = OpenAIClient(self._where, self._connection)
        self._evaluation = evaluation(self._spec, self._parameters, self._runner)
        self._evaluation.load(client, self._spool)
        gc.freeze()  # what is loaded stays: a collection must not walk through it again and again while asking

    def ask(self, report: ReportProgress) -> None:
        """Prove that the server can answer such questions, then ask them."""
        self._evaluation.preflight()
        self._evaluation.ask(report)

    def score(self) -> Scored:
        """Score what was answered."""
        return self._evaluation.score()  # type: ignore[no-any-return]

    def flush(self) -> None:
        """Bring the answers to disk."""
        if self._spool is not None:
            self._spool.flush()

    def close(self) -> None:
        """Close spool, connections and loop."""
        if self._spool is not None:
            self._spool.close()
        if self._runner is not None:
            if self._connection is not None:
                self._runner.run(self._connection.__aexit__(None, None, None))
            self._runner.close()


def _patience(parameters: Parameters) -> Patience:
    return Patience(
        concurrency=parameters.concurrency,
        max_concurrency=parameters.max_concurrency,
        deadline=parameters.timeout,
        request_deadline=parameters.request_timeout,
        retries=parameters.max_retries,
        give_up_after=parameters.give_up_after,
    )


def _harness(backend: str | None) -> Any:
    """Import the harness, for a back end of its own or none.

    A tenth of that time would be spent on looking for garbage that imports do not make.
    """
    _quieten(backend)
    _skip_chardet()
    gc.disable()
    try:
        from evallab_adapters.lm_eval_harness.evaluation import Evaluation
    finally:
        gc.enable()
    return Evaluation


def quiet(backend: str | None) -> dict[str, str]:
    """Return the variables that keep the log readable: no progress bars in a file, as far as a back end bears it."""
    return _QUIET | (_FEW_BARS if backend == "vllm" else _NO_BARS)


def _quieten(backend: str | None) -> None:
    """Show no progress bars, and of the harness only what is wrong."""
    for name, value in quiet(backend).items():
        os.environ.setdefault(name, value)
    for name in ("lm_eval", "datasets", "httpx", "huggingface_hub", "filelock", "fsspec", "urllib3"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _skip_chardet() -> None:
    """Let `requests`, which the data library imports, take its other detector of encodings: chardet takes seconds."""
    if "requests" in sys.modules or "chardet" in sys.modules or not find_spec("charset_normalizer"):
        return
    sys.modules["chardet"] = None  # type: ignore[assignment]  # the documented way to make an import fail
    try:
        importlib.import_module("requests")
    finally:
        del sys.modules["chardet"]
