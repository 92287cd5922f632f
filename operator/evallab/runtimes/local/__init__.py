"""Attempts as processes of this machine: see `runtime` for what the engine calls, `model_server` for what serves."""
