"""The SDK for adapters: what every adapter needs between job.json and the result file, and a client for endpoints.

An adapter implements `evallab.adapter.interface.Adapter` and its `main` calls `evallab.adapter.running.run`. Adapters
need nothing of it to take part: the contract (`evallab.api.contract`) is job.json in, events and a result file out.
"""
