"""PURE: what a job is in a cluster: names, labels, the objects of an attempt and of a model server, and what they say.

Built by `runtimes.kubernetes` and the controller; nothing here talks to an API server.
"""
