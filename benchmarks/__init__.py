"""What evallab costs, measured. `make bench` runs `run.py`, which writes docs/performance.md; not part of it."""
