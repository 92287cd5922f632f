"""Adapters that come with evallab: programs that run one benchmark and post its events."""
