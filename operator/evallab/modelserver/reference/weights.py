"""The one way to get a model from disk: `__main__` and the tests call `load` with a directory or a file."""

from pathlib import Path

from evallab.modelserver.reference.checkpoint import Checkpoint, UnsupportedModel
from evallab.modelserver.reference.hf_directory import load_directory


def load(path: Path) -> Checkpoint:
    """Load a Hugging Face directory or a GGUF file; raise UnsupportedModel or OSError with what is in the way."""
    if path.is_dir():
        return load_directory(path)
    if path.suffix != ".gguf":
        raise UnsupportedModel(f"{path} is neither a directory nor a .gguf file")
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    from evallab.modelserver.reference.gguf_file import load_gguf  # a directory needs no gguf package

    return load_gguf(path)
