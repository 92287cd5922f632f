"""The REST server: EvalHub's API, and what it lacks. A composition root; `main` starts it."""
