"""Attempts and model servers as Jobs of a cluster. What they look like and what they say is in `planning.cluster`."""
