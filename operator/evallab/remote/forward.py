"""A Service of a cluster as a port of this machine, for as long as a command needs it: `kubectl port-forward`.

kubectl does it because every way that people log in to clusters works with it. Called by `reaching`.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from evallab.api.errors import UsageError
from evallab.remote.errors import ServerUnavailable

PATIENCE_S = 30.0
_PORT = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ")


@asynccontextmanager
async def forwarded(context: str, service: str) -> AsyncIterator[str]:
    """Yield the URL at which a Service (`namespace/name`) is reached. Raises ServerUnavailable."""
    namespace, _, name = service.rpartition("/")
    place = ("--context", context, "--namespace", namespace or "evallab")
    process = await _started("kubectl", *place, "port-forward", f"service/{name}", ":http", "--address=127.0.0.1")
    try:
        yield f"http://127.0.0.1:{await _port(process, f'{service} of the kube context {context!r}')}"
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def _started(*argv: str) -> asyncio.subprocess.Process:
    """Start it in a session of its own, so that Ctrl-C does not cut the way to the server while a job is cancelled."""
    pipe = asyncio.subprocess.PIPE
    try:
        return await asyncio.create_subprocess_exec(*argv, stdout=pipe, stderr=pipe, start_new_session=True)
    except FileNotFoundError:
        raise UsageError(
            "--context needs kubectl, which is not on the PATH.", remedy="Install it, or set EVALLAB_URL."
        ) from None


async def _port(process: asyncio.subprocess.Process, what: str) -> int:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    try:
        async with asyncio.timeout(PATIENCE_S):
            while line := await process.stdout.readline():
                if match := _PORT.match(line.decode()):
                    return int(match[1])
            said = await process.stderr.read() if process.stderr else b""
    except TimeoutError:
        said = f"nothing happened for {PATIENCE_S:.0f} seconds".encode()
    why = said.decode("utf-8", "replace").strip()
    raise ServerUnavailable(f"The Service {what} cannot be reached: {why}", remedy="Is evallab installed there?")
