"""A real vLLM under evallab, and models that it does not like; imported by the tests of `make test-vllm`."""

import json
import os
import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tests.acceptance.command import EVALLAB, Command

from evallab.modelserver.bundled import bundled

VLLM = os.environ.get("VLLM", "")
FLOAT32 = ("--dtype", "float32", "--enforce-eager")
MANIFEST = """
apiVersion: evallab.dev/v1alpha1
kind: EvalJob
metadata: {{name: {name}}}
spec:
  model: {{name: tiny, {model}}}
  retries: 0
  benchmarks:
  - {{providerId: lm_evaluation_harness, id: demo_facts, parameters: {{limit: 40}}}}
  - {{providerId: lm_evaluation_harness, id: demo_arith, parameters: {{limit: 20}}}}
"""


def environ(evallab: Command) -> dict[str, str]:
    """Return the environment of a command that finds this vLLM; nothing is compiled, and little memory taken."""
    more = {"VLLM_CPU_KVCACHE_SPACE": "1", "TORCHDYNAMO_DISABLE": "1", "HF_HUB_OFFLINE": "1"}
    return {**evallab.environ, **more, "PATH": f"{Path(VLLM).parent}:{evallab.environ['PATH']}"}


def manifest(
    evallab: Command, name: str, *args: str, source: Path | None = None, runtime: str = "vllm"
) -> tuple[str, ...]:
    """Write a manifest; return what runs it. `source` is a directory instead of the demo model."""
    weights = {"path": str(source)} if source else {"bundled": "demo-hf"}
    return _written(evallab, name, {"serve": {"runtime": runtime, "source": weights, "args": args}})


def in_process(evallab: Command, name: str, **parameters: Any) -> tuple[str, ...]:
    """Write a manifest for a model that lm-eval loads by its back end `vllm`; return what runs it."""
    return _written(evallab, name, {"inProcess": {"backend": "vllm", "parameters": parameters}})


def _written(evallab: Command, name: str, model: Mapping[str, Any]) -> tuple[str, ...]:
    path = evallab.home / f"{name}.yaml"
    path.write_text(MANIFEST.format(name=name, model=json.dumps(model)[1:-1]))
    return ("run", "-f", str(path), "--local", "--output", "json")


def run(evallab: Command, *argv: str) -> tuple[int, Any, str]:
    """Run a command; return its exit code, what it printed (JSON), and what it said besides."""
    done = subprocess.run(
        [str(EVALLAB), *argv],
        cwd=evallab.home,
        env=environ(evallab),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=900,
    )
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def model(folder: Path, config: Mapping[str, Any], *, without: str = "") -> Path:
    """Return a copy of the demo model with another configuration, or without one of its files."""
    shutil.copytree(bundled("demo-hf"), folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | dict(config)))
    if without:
        (folder / without).unlink()
    return folder


def untrained(folder: Path, config: Mapping[str, int]) -> Path:
    """Return a model of the demo model's kind in another size, with random weights."""
    made = model(folder, config)
    shapes = _shapes(json.loads((made / "config.json").read_text()))
    _write(made / "model.safetensors", shapes)
    return made


def _shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a Llama with tied embeddings."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    asking, asked = (config[name] * config["head_dim"] for name in ("num_attention_heads", "num_key_value_heads"))
    layer = {
        "input_layernorm": (width,),
        "post_attention_layernorm": (width,),
        "self_attn.q_proj": (asking, width),
        "self_attn.k_proj": (asked, width),
        "self_attn.v_proj": (asked, width),
        "self_attn.o_proj": (width, asking),
        "mlp.gate_proj": (inner, width),
        "mlp.up_proj": (inner, width),
        "mlp.down_proj": (width, inner),
    }
    layers = range(config["num_hidden_layers"])
    named = {f"model.layers.{number}.{part}.weight": shape for number in layers for part, shape in layer.items()}
    return named | {"model.embed_tokens.weight": (config["vocab_size"], width), "model.norm.weight": (width,)}


def _write(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Write a safetensors file: the length of a JSON header, the header, the numbers (its format's description)."""
    draw = np.random.default_rng(0)
    tensors = {name: _tensor(draw, shape) for name, shape in shapes.items()}
    header: dict[str, Any] = {}
    end = 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F16", "shape": tensor.shape, "data_offsets": [end, end := end + tensor.nbytes]}
    raw = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + b"".join(each.tobytes() for each in tensors.values()))


def _tensor(draw: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Return random numbers; those of a norm, which has one dimension, are ones."""
    return np.ones(shape, np.float16) if len(shape) == 1 else (draw.standard_normal(shape) * 0.05).astype(np.float16)
