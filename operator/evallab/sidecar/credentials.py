"""The credentials of the model, which the adapter must never see: files of a Secret that only the sidecar has mounted.

Keys as EvalHub has them: `api-key` for the model, `<x>_api-key` for what an adapter asks for by
`Bearer <x>_api-key:ref`, `ca_cert` for the endpoint's certificate. Read anew for each request: Secrets are rotated.
"""

import os
import re
import ssl
from pathlib import Path

_REFERENCE = re.compile(r"Bearer +(?P<key>[A-Za-z0-9._-]{1,253}):ref", re.IGNORECASE)
_KEY = re.compile(r"api-key|[A-Za-z0-9._-]+_(api-key|sa_token)")
_CA = "ca_cert"
_MOST = 1 << 20  #: bundles of certificates are large


class BadReference(Exception):
    """The adapter asks for a credential that there is not. Its text is safe to be shown."""


class Credentials:
    """The mounted Secret; an absent one has no keys."""

    def __init__(self, folder: Path) -> None:
        """Read keys of `folder`."""
        self._folder = folder
        self._tls: tuple[str, ssl.SSLContext] | None = None

    def authorization(self, offered: str | None) -> str | None:
        """Return what to say to the model instead of what the adapter offers. Raises BadReference."""
        reference = _REFERENCE.fullmatch(offered.strip()) if offered else None
        if reference is None:
            key = self._read("api-key")
            return f"Bearer {key}" if key else None
        name = reference["key"]
        key = self._read(name) if _KEY.fullmatch(name) else None
        if not key:
            raise BadReference(f"The job's model secret has no key {name!r}.")
        return f"Bearer {key}"

    def tls(self) -> ssl.SSLContext | bool:
        """Return how to verify the endpoint: by the Secret's certificate if it has one. Raises ssl.SSLError."""
        certificate = self._read(_CA)
        if not certificate:
            return True
        if self._tls is None or self._tls[0] != certificate:
            self._tls = (certificate, ssl.create_default_context(cadata=certificate))
        return self._tls[1]

    def _read(self, name: str) -> str | None:
        try:
            file = os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return os.read(file, _MOST).decode("utf-8", "replace").strip() or None
        except OSError:
            return None
        finally:
            os.close(file)
