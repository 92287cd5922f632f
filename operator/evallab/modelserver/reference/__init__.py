"""A small exact inference engine for the CPU: Llama decoders in float32 numpy behind an OpenAI-compatible server.

The quickstart, the demos and evallab's own tests run it (`python -m evallab.modelserver.reference MODEL`). It answers
one request at a time, so results never depend on load, and it gives prompt log-probabilities in vLLM's shape.
"""
