"""The demo models inside the package: what `source: {bundled: demo-f16}` means, on a laptop and in an image alike."""

from difflib import get_close_matches
from pathlib import Path

from evallab.api.errors import NotFound

_DEMO = Path(__file__).parent / "reference" / "demo"
_MODELS = {
    "demo-f16": "demo-f16.gguf",
    "demo-q8_0": "demo-q8_0.gguf",
    "demo-q4_0": "demo-q4_0.gguf",
    "demo-q3": "demo-q3.gguf",
    "demo-hf": "hf",
}


def bundled_names() -> tuple[str, ...]:
    """Return every bundled model's name."""
    return tuple(_MODELS)


def bundled(name: str) -> Path:
    """Return the file (GGUF) or directory (Hugging Face form) of the bundled model `name`."""
    if name not in _MODELS:
        near = get_close_matches(name, _MODELS, n=1)
        guess = f"Did you mean {near[0]!r}? " if near else ""
        raise NotFound(f"There is no bundled model {name!r}.", remedy=f"{guess}Known: {', '.join(_MODELS)}.")
    return _DEMO / _MODELS[name]


def located(text: str) -> Path:
    """Return where a model lies that a server was told of: a path, or `bundled:NAME` for one of this package.

    So the process that starts a server in another image need not know where Python's packages lie there.
    """
    scheme, _, name = text.partition(":")
    return bundled(name.removesuffix(".gguf")) if scheme == "bundled" and name else Path(text)
