"""evallab: LLM evaluations that somebody else can trust."""

__version__ = "0.1.0"
