"""The entry point `evallab`: the table of commands, and the one place where their outcome becomes an exit code.

Nothing heavy is imported here, so that `evallab --help` and shell completion answer at once; each command imports what
it needs. A test measures what help imports and compares the help lines with the commands' own.
"""

import os
import sys
from collections.abc import Sequence

import click

from evallab import __version__
from evallab.cli.errors import guarded
from evallab.cli.lazy import Entry, LazyGroup

COMMANDS = {
    "run": Entry("evallab.cli.run:run", "Run an EvalJob and print its scores, intervals and verdicts."),
    "resume": Entry("evallab.cli.resume:resume", "Go on with a job that did not complete."),
    "rerun": Entry("evallab.cli.rerun:rerun", "Run a job again as it was recorded, as a new job."),
    "reproduce": Entry("evallab.cli.reproduce:reproduce", "Run a job again and say whether its answers are the same."),
    "jobs": Entry("evallab.cli.jobs:jobs", "List jobs, newest first."),
    "show": Entry("evallab.cli.show:show", "Show a job: scores, intervals, changes, verdicts."),
    "wait": Entry("evallab.cli.wait:wait", "Wait for the end of a job and show it."),
    "logs": Entry("evallab.cli.logs:logs", "Print what the adapters of a job wrote."),
    "cancel": Entry("evallab.cli.cancel:cancel", "Cancel a job; results and logs stay."),
    "suspend": Entry("evallab.cli.suspend:suspend", "Have a job of a cluster wait; resume lets it go on."),
    "diff": Entry("evallab.cli.diff:diff", "Compare a job with another on the same questions."),
    "samples": Entry("evallab.cli.samples:samples", "Show the questions of a benchmark and how they were answered."),
    "datasets": Entry("evallab.cli.datasets:datasets", "Fetch, list, verify and collect test data."),
    "envs": Entry("evallab.cli.envs:envs", "List and collect the environments of model servers."),
    "history": Entry("evallab.cli.history:history", "Show how the scores of a model on a benchmark went."),
    "regressions": Entry("evallab.cli.regressions:regressions", "List what got worse, over all models and benchmarks."),
    "leaderboard": Entry("evallab.cli.leaderboard:leaderboard", "Rank models by their newest scores."),
    "baseline": Entry("evallab.cli.baseline:baseline", "Set, show or unset the job that others are compared with."),
    "import": Entry("evallab.cli.import_:import_", "Import results that were made elsewhere."),
    "gc": Entry("evallab.cli.gc_:gc", "Remove old files; scores and rows stay."),
    "collections": Entry("evallab.cli.collections_:collections", "List collections, or the benchmarks of one."),
    "providers": Entry("evallab.cli.providers:providers", "List providers, or the benchmarks of one."),
    "serve": Entry("evallab.cli.serve:serve", "Serve EvalHub's REST API on this computer."),
    "operator": Entry("evallab.cli.operator_:operator", "Bring the EvalJobs of a cluster to their end."),
    "db": Entry("evallab.cli.db:db", "Reach, start, stop, dump and restore the database."),
    "crd": Entry("evallab.cli.crd:crd", "Print the CustomResourceDefinition of EvalJob."),
    "sidecar": Entry(
        "evallab.cli.sidecar:sidecar",
        "Inside a pod: take an adapter's events, hand in what it leaves, ask its model.",
        hidden=True,
    ),
    "init": Entry(
        "evallab.cli.init_:init",
        "Inside a pod: put test data and earlier work where an adapter reads them.",
        hidden=True,
    ),
    "doctor": Entry("evallab.cli.doctor:doctor", "Check what evallab needs and say what is missing."),
    "version": Entry("evallab.cli.version:version", "Print the versions of evallab and of what it builds on."),
    "completion": Entry("evallab.cli.completion:completion", "Print the completion script for a shell."),
}
EPILOG = """\b
Examples:
  evallab run -f evaljob.yaml --local      run a job here; nothing to set up first
  evallab jobs                             what ran, and whether the scores may be used
  evallab show my-model                    the newest job of that name
  evallab diff my-model my-model~1         what changed since the one before
  evallab db psql                          everything, in SQL

A job is named by its id, a unique prefix of it, its name (the newest job), or name~1 (the one before).
"""


@click.command(
    cls=LazyGroup,
    entries=COMMANDS,
    epilog=EPILOG,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(__version__, prog_name="evallab", message="%(prog)s %(version)s")
def cli() -> None:
    """Run LLM evaluations that somebody else can trust."""


def main(args: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code."""
    sys.exit(guarded(lambda: cli.main(args, prog_name="evallab", standalone_mode=False), environ=os.environ))
