"""Secrets in the open: a job is kept as it was asked for, a key in it too. Pure; `refusals` lists the check."""

from collections.abc import Iterator, Mapping

from evallab.api.job import TestData
from evallab.api.secrecy import hidden, shown_in
from evallab.planning.subject import Subject


def secrets_are_references(subject: Subject) -> Iterator[str]:
    """Keys, tokens and passwords belong into a secretRef; what was found is never repeated."""
    model = subject.job.model
    if model.url and shown_in(model.url):
        what = "user name or password" if "@" in model.url.partition("?")[0] else "key"
        yield f"spec.model.url: must not hold a {what}; use auth.secretRef"
    if model.serve and hidden(list(model.serve.args)) != list(model.serve.args):
        yield "spec.model.serve.args: must not hold a key; a model server of evallab needs none, remove it"
    if model.serve and model.serve.command and shown_in(model.serve.command):
        yield "spec.model.serve.command: must not hold a key; have the command read it from a file or a variable"
    for where, benchmark in subject.entries():
        for name, url in _urls(benchmark.test_data).items():
            if shown_in(f"?{url.partition('?')[2]}"):
                yield f"{where}.testDataRef.{name}: must not hold a key; use secretRef"


def _urls(data: TestData | None) -> Mapping[str, str]:
    """Return the addresses of data; `data_checks` refuses a user name or password in them."""
    found = {"git.url": data.git.url if data.git else None, "http": data.http} if data else {}
    return {name: url for name, url in found.items() if url}
