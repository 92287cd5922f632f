"""The end of an attempt: everything that is left goes to the server, and then it is said that this was all.

For ever, until the kubelet ends it: what the server does not have when the grace period is over is `ResultsMissing`.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evallab.api.errors import EvallabError, StoreUnavailable
from evallab.receiver.drain import Drain
from evallab.receiver.spool import Spool
from evallab.sidecar.backoff import Backoff
from evallab.sidecar.events import Delivered
from evallab.sidecar.found import Found, LeftOut, everything
from evallab.sidecar.ledger import Sent
from evallab.sidecar.sending import Sender
from evallab.sidecar.uplink import Refused, Uplink

log = logging.getLogger(__name__)
MOST_SAID = 100  #: of what is left out


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """Everything on its way to the server."""

    spool: Spool
    drain: Drain
    delivered: Delivered
    sender: Sender
    uplink: Uplink
    data: Path
    most: int  #: bytes that the server takes of this attempt


async def flush(outgoing: Outgoing) -> bool:
    """Hand in everything and seal it; return whether the server took it, which it never will after False."""
    backoff = Backoff()
    while True:
        try:
            if await _sealed(outgoing):
                return True
        except Refused as error:
            log.error("the seal is refused", extra={"action": "seal", "reason": str(error)})
            return False
        except (StoreUnavailable, OSError) as error:
            log.warning("not everything is handed in", extra={"action": "flush", "reason": str(error)})
        await backoff.pause()


async def _sealed(outgoing: Outgoing) -> bool:
    await outgoing.spool.flushed()
    await outgoing.drain.empty()
    files, left = everything(outgoing.data, outgoing.most)
    sent = list[tuple[Found, Sent]]()
    for each in files:
        try:
            sent.append((each, await outgoing.sender.whole(each)))
        except StoreUnavailable:
            raise
        except (EvallabError, OSError) as error:  # one file must not cost the others
            left.append(LeftOut(each.area, each.name, str(error)))
    for out in left[:MOST_SAID]:
        log.warning("left out", extra={"action": "leave_out", "file": f"{out.area}/{out.name}", "reason": out.reason})
    missing = await outgoing.uplink.seal(_body(sent, left, len(outgoing.delivered)))
    for key in missing:
        log.warning("to be sent again", extra={"action": "seal", "file": "/".join(key)})
        outgoing.sender.forget(key)
    return not missing


def _body(sent: Sequence[tuple[Found, Sent]], left: Sequence[LeftOut], events: int) -> dict[str, Any]:
    return {
        "files": [
            {"area": found.area, "name": found.name, "bytes": part.bytes, "sha256": part.sha256} for found, part in sent
        ],
        "events": events,
        "left_out": [{"area": each.area, "name": each.name, "reason": each.reason} for each in left[:MOST_SAID]],
    }
