"""The sidecar as a whole: doors, drain, stream and proxy while the adapter runs, and the flush when it has ended.

SIGTERM says that the adapter has ended. Nothing is only in memory: killed at any point and started again on the same
folders, it goes on. Called by `evallab sidecar`.
"""

import asyncio
import json
import logging
import signal
import socket
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import aiohttp

from evallab.api.contract import JobSpec
from evallab.api.errors import StoreUnavailable
from evallab.receiver import door, segments
from evallab.receiver.app import Door, Scope, Send
from evallab.receiver.body import Bodies, Receive
from evallab.receiver.desk import Desk
from evallab.receiver.drain import Drain
from evallab.receiver.expected import Expectations
from evallab.receiver.spool import Spool
from evallab.sidecar import proxy
from evallab.sidecar.backoff import Backoff
from evallab.sidecar.config import Places, SidecarConfig, read
from evallab.sidecar.credentials import Credentials
from evallab.sidecar.events import Delivered, ServerEvents
from evallab.sidecar.flushing import Outgoing, flush
from evallab.sidecar.found import growing
from evallab.sidecar.ledger import Ledger
from evallab.sidecar.sending import Sender
from evallab.sidecar.uplink import Refused, Uplink

log = logging.getLogger(__name__)
MOST_CONNECTIONS = 4096  #: of the one adapter
_LEDGER, _DELIVERED, _EVENTS, _SEALED = "sent", "delivered", "events", "sealed.json"


class Front:
    """One port for both: `/model/…` is the proxy's, everything else the events'."""

    def __init__(self, events: Door, model: proxy.ModelProxy) -> None:
        """Take both."""
        self._events, self._model = events, model

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["raw_path"]
        to_model = path == proxy.PREFIX or path.startswith(proxy.PREFIX + b"/")
        await (self._model if to_model else self._events)(scope, receive, send)


async def attend(places: Places) -> int:
    """Attend an attempt until its adapter has ended; return the exit code. Raises UsageError."""
    config, spec = read(places)
    for name in ("work", "artifacts"):  # the adapter starts after us, and may expect them
        (places.data / name).mkdir(parents=True, exist_ok=True)
    ended = _ended()
    mark = places.spool / _SEALED
    async with AsyncExitStack() as stack:
        outgoing, backoff = await _outgoing(places, config, stack)
        await _front(places, config, spec, outgoing.spool, stack)
        await _health(places, stack)
        tasks = [
            asyncio.create_task(outgoing.drain.run(pause=backoff.pause)),
            asyncio.create_task(_stream(outgoing, places.stream_s)),
            asyncio.create_task(ended.wait()),
        ]
        outgoing.drain.wake()
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()  # a mistake of this program ends it; the kubelet starts it again
        if mark.exists():  # a predecessor did it all
            return 0
        if not await flush(outgoing):
            return 1
        segments.write_durably(mark, json.dumps({"at": datetime.now(UTC).isoformat()}).encode())
    return 0


async def _outgoing(places: Places, config: SidecarConfig, stack: AsyncExitStack) -> tuple[Outgoing, Backoff]:
    session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
    uplink = Uplink(session, config, places.token)
    delivered, backoff = Delivered(places.spool / _DELIVERED), Backoff()
    spool = Spool(places.spool / _EVENTS, written=lambda: drain.wake())
    drain = Drain(spool, ServerEvents(uplink, delivered, answered=backoff.reset), stored=lambda _: None)
    sender = Sender(uplink, Ledger(places.spool / _LEDGER), places.data)
    return Outgoing(
        spool=spool,
        drain=drain,
        delivered=delivered,
        sender=sender,
        uplink=uplink,
        data=places.data,
        most=config.leavings_mib << 20,
    ), backoff


async def _front(places: Places, config: SidecarConfig, spec: JobSpec, spool: Spool, stack: AsyncExitStack) -> None:
    """Open the adapter's port."""
    expected = Expectations()
    expected.adopt(config.attempt, spec)  # in this pod nobody else can reach the port: no token is needed
    desk = Desk(spool, expected, now=lambda: datetime.now(UTC))
    session = await stack.enter_async_context(proxy.session())
    here = f"http://{door.HOST}:{places.port}{proxy.PREFIX.decode()}"
    model = proxy.ModelProxy(session, config.model, Credentials(places.model_secret), here=here)
    front = Front(Door(desk, Bodies()), model)
    listener = _listening(door.HOST, places.port)
    await stack.enter_async_context(door.served(front, listener, http="httptools", most=MOST_CONNECTIONS))


async def _health(places: Places, stack: AsyncExitStack) -> None:
    """Answer the kubelet; the adapter's port is open by then."""
    listener = _listening("0.0.0.0", places.health_port)  # noqa: S104 - the kubelet asks the pod's address
    await stack.enter_async_context(door.served(_healthy, listener))


async def _healthy(scope: Scope, _receive: Receive, send: Send) -> None:
    found = scope["path"] == "/health"
    body = b'{"status":"healthy"}' if found else b""
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200 if found else 404, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def _stream(outgoing: Outgoing, every_s: float) -> None:
    """Send what was appended to the work files, now and then: losing the pod must not cost hours of answers."""
    while True:
        await asyncio.sleep(every_s)
        for each in growing(outgoing.data):
            try:
                await outgoing.sender.grown(each)
            except StoreUnavailable as error:
                log.warning("work waits", extra={"action": "stream", "reason": str(error)})
                break
            except (Refused, OSError) as error:
                log.warning("not sent", extra={"action": "stream", "file": each.name, "reason": str(error)})


def _ended() -> asyncio.Event:
    """Return what is set when the adapter has ended."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, ended.set)
    return ended


def _listening(host: str, port: int) -> socket.socket:
    """Listen on exactly that port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of the predecessor may linger
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener
