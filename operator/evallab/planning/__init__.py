"""PURE decisions: job → attempts, states, keys, validity. See README.md in this folder."""
