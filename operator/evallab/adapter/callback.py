"""Delivery of events to the job's callback URL, in EvalHub's body shape. Used by `reporter`; never raises.

http.client and not a client library: events go to a receiver next door, so proxies of the environment must not be
asked, and this runs on a plain thread beside whatever loop the adapter has.
"""

import http.client
import json
import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from evallab.api.contract import JobSpec, StatusEvent

_LOG = logging.getLogger("evallab.adapter")
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_CA = Path("/etc/pki/ca-trust/source/anchors/service-ca.crt")


@dataclass(frozen=True)
class Callback:
    """The events endpoint of one job, and how patient to be with it."""

    spec: JobSpec
    environ: Mapping[str, str]
    timeout: float = 3.0
    pauses: tuple[float, ...] = (0.2,)  #: between attempts; one more attempt than pauses

    def deliver(self, event: StatusEvent, *, pauses: tuple[float, ...] | None = None) -> bool:
        """Post the event; return whether it was taken."""
        body = json.dumps({"benchmark_status_event": event.model_dump(mode="json", exclude_none=True)}).encode()
        problem = ""
        for pause in (*(self.pauses if pauses is None else pauses), None):
            try:
                status = self._post(body)
            except (OSError, http.client.HTTPException) as error:
                problem = str(error) or type(error).__name__
            else:
                if status < 300:
                    return True
                problem = f"HTTP {status}"
                if status < 500 and status != 429:
                    break
            if pause is not None:
                time.sleep(pause)
        _LOG.warning("An event (%s, %s) was not delivered: %s", event.status, event.phase or "progress", problem)
        return False

    def _post(self, body: bytes) -> int:
        url = urlsplit(self.spec.callback_url)
        path = f"{url.path.rstrip('/')}/api/v1/evaluations/jobs/{self.spec.id}/events"
        connection = self._connect(url.scheme, url.hostname or "localhost", url.port)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json", **self._headers()})
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()

    def _connect(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme != "https":
            return http.client.HTTPConnection(host, port, timeout=self.timeout)
        return http.client.HTTPSConnection(host, port, timeout=self.timeout, context=self._tls())

    def _tls(self) -> ssl.SSLContext:
        if self.environ.get("EVALHUB_INSECURE", "").lower() in {"1", "true", "yes"}:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        candidates = (Path(self.environ.get("EVALHUB_CA_BUNDLE_PATH", "")), _CA, _ACCOUNT / "ca.crt")
        bundle = next((path for path in candidates if path.is_file()), None)
        return ssl.create_default_context(cafile=str(bundle) if bundle else None)

    def _headers(self) -> dict[str, str]:
        """Read the token anew for each event: projected tokens are rotated."""
        token = _text(Path(self.environ.get("EVALHUB_AUTH_TOKEN_PATH", ""))) or _text(_ACCOUNT / "token")
        tenant = _text(_ACCOUNT / "namespace")
        return {
            **({"Authorization": f"Bearer {token}"} if token else {}),
            **({"X-Tenant": tenant} if tenant else {}),
        }


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
