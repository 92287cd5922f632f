"""Calls of EvalHub's Python client, made in the client's own environment; `sdk_client` starts it and talks to it.

One JSON line in: which method, with what. One out: what it returned, or which exception it raised. The arguments are
`sync` or `async` (which of the two clients) and the server's address.
"""

# mypy: ignore-errors
# ruff: noqa: T201, BLE001
import asyncio
import functools
import inspect
import json
import sys

from evalhub.client import AsyncEvalHubClient, JobLogOptions, SyncEvalHubClient
from evalhub.models import JobStatus, JobSubmissionRequest
from pydantic import BaseModel

TYPED = {
    "request": lambda given: JobSubmissionRequest(**given),
    "options": lambda given: JobLogOptions(**given),
    "status": JobStatus,
}


def plain(value):
    """Return what JSON can hold."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list):
        return [plain(each) for each in value]
    if hasattr(value, "logs"):
        return {"logs": value.logs, "state": value.job.effective_state.value}
    return value


async def called(client, method, args, kwargs):
    """Call a method of either client and return all that it gives."""
    function = functools.reduce(getattr, method.split("."), client)
    typed = {name: TYPED[name](value) if name in TYPED else value for name, value in kwargs.items()}
    given = function(*args, **typed)
    if inspect.isasyncgen(given):
        return [plain(each) async for each in given]
    if inspect.isgenerator(given):
        return [plain(each) for each in given]
    return plain(await given if inspect.isawaitable(given) else given)


async def main(kind, url):
    """Answer one line after another."""
    client = SyncEvalHubClient(base_url=url) if kind == "sync" else AsyncEvalHubClient(base_url=url)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"value": await called(client, asked["method"], asked["args"], asked["kwargs"])}
        except Exception as error:
            answer = {"error": type(error).__name__, "text": str(error), "reason": getattr(error, "reason", None)}
        print(json.dumps(answer), flush=True)


asyncio.run(main(*sys.argv[1:]))
