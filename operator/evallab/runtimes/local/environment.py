"""The environment of an adapter: what is allowed from ours, never what is left after removing the secrets we know.

Pure; `runtime` calls it for attempts, and the engine calls `allowed` for model servers.
"""

from collections.abc import Mapping
from pathlib import Path

from evallab.runtimes.local.directories import AttemptDirectories

ALLOWED = frozenset({
    "PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "HF_HOME", "HF_HUB_OFFLINE", "HF_ENDPOINT", "HF_DATASETS_OFFLINE",
    "CUDA_VISIBLE_DEVICES",
    "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
})  # fmt: skip
ALLOWED_PREFIX = "LC_"
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


def allowed(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a child may know of our environment."""
    kept = {name: value for name, value in environ.items() if name in ALLOWED or name.startswith(ALLOWED_PREFIX)}
    return {"PATH": DEFAULT_PATH, **kept}


def adapter_environment(
    environ: Mapping[str, str],
    *,
    directories: AttemptDirectories,
    python: str,
    provider: Mapping[str, str],
    token_file: Path | None = None,
) -> dict[str, str]:
    """Return an adapter's environment. The provider may set what it likes, except what the contract says.

    `token_file`: what the adapter shows where it reports lies there.
    """
    contract = {
        "EVALHUB_MODE": "local",
        "EVALHUB_JOB_SPEC_PATH": str(directories.spec_file),
        "EVALLAB_PYTHON": python,
        "EVALLAB_WORKDIR": str(directories.work_dir),
        "EVALLAB_ARTIFACTS_DIR": str(directories.artifacts_dir),
        "EVALLAB_RESULT_FILE": str(directories.result_file),
    }
    token = {"EVALHUB_AUTH_TOKEN_PATH": str(token_file)} if token_file else {}
    return {**allowed(environ), "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1", **provider, **contract, **token}
