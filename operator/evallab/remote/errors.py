"""What a server's refusals and silences are to a command: errors of ours, which have exit codes (`cli.exits`).

Called by `client`. What the user can mend is a UsageError (exit 2), what is not there NotFound (2), everything else
ServerUnavailable (70).
"""

import json
from typing import Any

from evallab.api.errors import EvallabError, NotFound, UsageError

LATER = frozenset({408, 429})
SHOWN = 200  #: characters of an answer that is not evallab's
_TOKEN = "Put a token that the server takes into EVALLAB_TOKEN."  # noqa: S105 - a sentence
_TENANT = "Name the namespace of the jobs: --namespace, or EVALLAB_TENANT."


class ServerUnavailable(EvallabError):
    """The server cannot be reached, or cannot answer now."""

    code = "server_unavailable"


def of_answer(status: int, content: bytes, *, server: str) -> EvallabError:
    """Return what an answer that is not a success means."""
    said = _said(content)
    if said is None:
        start = content.decode("utf-8", "replace").strip()[:SHOWN]
        message = f"{server} answered {status}, which is no answer of evallab: {start or 'nothing'}"
        return ServerUnavailable(message, remedy="Does the URL lead to an evallab server?")
    message = str(said["message"])
    if status == 404:
        return NotFound(message)
    if status >= 500 or status in LATER:
        return ServerUnavailable(f"{server}: {message}", remedy="Try again later.")
    return UsageError(message, remedy=_remedy(status, str(said.get("message_code"))))


def _remedy(status: int, code: str) -> str:
    if code == "missing_tenant_header":
        return _TENANT
    return _TOKEN if status == 401 else ""


def _said(content: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("message"), str) else None
