"""evallab: LLM evaluations that somebody else can trust.

    import evallab
    result = evallab.run("evaljob.yaml")
    result.scores           # one dictionary per benchmark and metric; result.to_frame() with pandas

Imported only when used, so that adapters and `evallab --help` stay light.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evallab.local.python import Result, arun, run

__version__ = "0.1.0"
__all__ = ["Result", "__version__", "arun", "run"]


def __getattr__(name: str) -> Any:
    if name in {"Result", "arun", "run"}:
        from evallab.local import python

        return getattr(python, name)
    raise AttributeError(f"module 'evallab' has no attribute {name!r}")
