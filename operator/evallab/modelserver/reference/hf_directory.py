"""Reads a Hugging Face model directory (config.json, *.safetensors, tokenizer.json); called by `weights.load`."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from evallab.modelserver.reference.checkpoint import Array, Checkpoint, Shape, require


def load_directory(directory: Path) -> Checkpoint:
    """Load the model in `directory`, or raise UnsupportedModel."""
    config = json.loads((directory / "config.json").read_text())
    _check(config)
    names = _read_json(directory / "tokenizer_config.json")
    tensors: dict[str, Array] = {}
    for file in sorted(directory.glob("*.safetensors")):
        tensors |= _safetensors(file)
    require(bool(tensors), f"{directory} holds no *.safetensors file")
    return Checkpoint(
        shape=_shape(config),
        tensors=tensors,
        tokenizer=Tokenizer.from_file(str(directory / "tokenizer.json")),
        end_ids=_end_ids(config, _read_json(directory / "generation_config.json")),
        bos_token=_token_text(names.get("bos_token")),
        eos_token=_token_text(names.get("eos_token")),
        pad_token=_token_text(names.get("pad_token")),
        chat_template=_chat_template(directory, names),
    )


def _check(config: dict[str, Any]) -> None:
    architectures = config.get("architectures") or []
    require(architectures == ["LlamaForCausalLM"], f"the architecture is {architectures}, not LlamaForCausalLM")
    require(config.get("hidden_act", "silu") == "silu", f"the activation is {config.get('hidden_act')}, not silu")
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    require(kind == "default", f"RoPE scaling {kind!r} is not implemented")
    biased = bool(config.get("attention_bias") or config.get("mlp_bias"))
    require(not biased, "layers with biases are not implemented")


def _shape(config: dict[str, Any]) -> Shape:
    heads = config["num_attention_heads"]
    rope = config.get("rope_parameters") or {}
    return Shape(
        layers=config["num_hidden_layers"],
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        head_dim=config.get("head_dim") or config["hidden_size"] // heads,
        theta=float(rope.get("rope_theta", config.get("rope_theta", 10000.0))),
        eps=float(config["rms_norm_eps"]),
        context=config["max_position_embeddings"],
    )


def _safetensors(file: Path) -> dict[str, Array]:
    raw = file.read_bytes()
    start = 8 + struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:start])
    header.pop("__metadata__", None)
    return {name: _tensor(entry, raw, start) for name, entry in header.items()}


def _tensor(entry: dict[str, Any], raw: bytes, start: int) -> Array:
    begin, end = entry["data_offsets"]
    data, kind = raw[start + begin : start + end], entry["dtype"]
    require(kind in ("F32", "F16", "BF16"), f"tensors of type {kind} are not implemented")
    if kind == "BF16":  # the upper half of a float32
        wide = (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        wide = np.frombuffer(data, np.float16 if kind == "F16" else np.float32).astype(np.float32)
    return wide.reshape(entry["shape"])


def _end_ids(config: dict[str, Any], generation: dict[str, Any]) -> frozenset[int]:
    found = generation.get("eos_token_id", config.get("eos_token_id"))
    return frozenset(found if isinstance(found, list) else [] if found is None else [found])


def _chat_template(directory: Path, names: dict[str, Any]) -> str | None:
    file = directory / "chat_template.jinja"
    template = file.read_text() if file.exists() else names.get("chat_template")
    return template if isinstance(template, str) else None


def _token_text(value: Any) -> str | None:
    text = value.get("content") if isinstance(value, dict) else value
    return text if isinstance(text, str) else None


def _read_json(file: Path) -> dict[str, Any]:
    content = json.loads(file.read_text()) if file.exists() else {}
    return content if isinstance(content, dict) else {}
