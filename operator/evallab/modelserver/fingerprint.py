"""The identity of weights: whoever records what answered a job (the setup key) calls it with the weights' path."""

import hashlib
from pathlib import Path

from evallab.api.errors import NotFound
from evallab.modelserver.interface import FileDigest, Fingerprint

# What decides a Hugging Face model's answers. Readmes, licences and caches do not, so they are left out.
_DECISIVE = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "chat_template*",
)


def fingerprint(weights: Path) -> Fingerprint:
    """Return the fingerprint of a GGUF file or of a Hugging Face directory."""
    if weights.is_file():
        digest = _digest(weights)
        return Fingerprint(digest.sha256, (digest,))
    files = tuple(_digest(path) for path in _decisive_files(weights))
    if not files:
        raise NotFound(
            f"There are no weights at {weights}.",
            remedy="Name a GGUF file, or a directory with config.json and *.safetensors.",
        )
    listing = "".join(f"{each.sha256}  {each.name}\n" for each in files)
    return Fingerprint(hashlib.sha256(listing.encode()).hexdigest(), files)


def _decisive_files(directory: Path) -> list[Path]:
    found = {path for pattern in _DECISIVE for path in directory.glob(pattern) if path.is_file()}
    return sorted(found, key=lambda path: path.name)


def _digest(path: Path) -> FileDigest:
    with path.open("rb") as stream:
        return FileDigest(path.name, path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())
