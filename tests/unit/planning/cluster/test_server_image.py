"""Which image a model server gets: the job's, the installation's for the version, else vLLM's own of that version."""

import pytest

from evallab.api.job import Serve
from evallab.planning.cluster.model_server import server_image

OURS = {"vllm": "registry.example/vllm:v0.32.0", "vllm:0.31.0": "registry.example/old@sha256:0", "reference": "us:1"}


@pytest.mark.parametrize(
    ("serve", "image"),
    [
        (Serve(runtime="vllm", image="mine", version="0.31.0"), "mine"),
        (Serve(runtime="vllm"), "registry.example/vllm:v0.32.0"),
        (Serve(runtime="vllm", version="0.32.0"), "registry.example/vllm:v0.32.0"),
        (Serve(runtime="vllm", version="0.31.0"), "registry.example/old@sha256:0"),
        (Serve(runtime="vllm", version="0.30.1"), "vllm/vllm-openai:v0.30.1"),
        (Serve(runtime="reference", version="2"), None),
        (Serve(runtime="llamacpp"), None),
    ],
)
def test_image(serve: Serve, image: str | None) -> None:
    assert server_image(serve, OURS) == image
