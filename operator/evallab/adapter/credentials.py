"""The model's API key, from where job.json says it lies. Adapters read it for their `Connection`; never logged."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from evallab.api.contract import JobSpecModel
from evallab.api.errors import AdapterFailed

_MOUNTED = Path("/var/run/secrets/model")
_KEY = "api-key"


def api_key(model: JobSpecModel) -> str | None:
    """Return the key from the secret's directory; None when the model needs none."""
    reference = str((model.auth or {}).get("secret_ref") or "")
    if not reference:
        return _read(_MOUNTED / _KEY) if (_MOUNTED / _KEY).is_file() else None
    url = urlsplit(reference)
    directory = Path(unquote(url.path)) if url.scheme == "file" else _MOUNTED
    if not (directory / _KEY).is_file():
        raise AdapterFailed(
            f"The secret that model.auth names has no file {_KEY!r}.",
            remedy="Put the key into a file of that name in the secret's directory.",
        )
    return _read(directory / _KEY)


def _read(path: Path) -> str:
    return path.read_text().strip()
