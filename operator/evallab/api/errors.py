"""Everything evallab raises on purpose, and nothing else.

    EvallabError
    ├── UsageError                 the command or the Python call makes no sense        exit 2
    │   └── InvalidManifest        a manifest or configuration file is wrong            exit 2
    ├── NotFound                   a job, benchmark or file that does not exist         exit 2
    ├── BenchmarkFailed            an attempt ended without a result                    exit 3
    ├── ModelServerFailed          the model server did not start, or died              exit 3
    ├── AdapterFailed              raised inside an adapter: the benchmark cannot run   exit 3
    ├── StoreUnavailable           Postgres cannot be reached or started               exit 70
    └── Interrupted                somebody pressed Ctrl-C                              exit 130

Each class has a stable `code` (for machines) and each instance says what, why and the remedy (for people).
The mapping to exit codes lives in `evallab.cli.exits`, to HTTP in the server, to conditions in the operator.
"""

from typing import ClassVar


class EvallabError(Exception):
    """Something went wrong inside evallab."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str | None = None, *, remedy: str = "") -> None:
        """Keep the message (the class docstring when there is none) and what the user can do about it."""
        self.message = message or (type(self).__doc__ or "").strip()
        self.remedy = remedy
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class UsageError(EvallabError):
    """The command makes no sense as it was given."""

    code = "usage"


class InvalidManifest(UsageError):
    """A manifest is not valid."""

    code = "invalid_manifest"

    def __init__(self, problems: "tuple[str, ...] | list[str]", *, file: str = "", remedy: str = "") -> None:
        """Take one sentence per problem; `file` is where they were found."""
        self.problems = tuple(problems)
        self.file = file
        prefix = f"{file}: " if file else ""
        super().__init__("\n".join(prefix + problem for problem in self.problems), remedy=remedy)


class NotFound(EvallabError):
    """What was named does not exist."""

    code = "not_found"


class BenchmarkFailed(EvallabError):
    """A benchmark ended without a result."""

    code = "benchmark_failed"


class ModelServerFailed(EvallabError):
    """The model server did not become ready, or died."""

    code = "model_server_failed"


class AdapterFailed(EvallabError):
    """The adapter cannot run this benchmark."""

    code = "adapter_failed"


class StoreUnavailable(EvallabError):
    """Postgres cannot be reached."""

    code = "store_unavailable"


class Interrupted(EvallabError):
    """Interrupted."""

    code = "interrupted"
