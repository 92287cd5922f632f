"""The operator: watches EvalJobs and what they own, and brings every one to its end (`evallab operator`).

Watches say only *that* something changed: they put objects into caches and keys into a queue. Workers take keys and
call the same `engine.reconcile` as local mode.
"""
