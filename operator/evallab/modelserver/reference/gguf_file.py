"""Reads a GGUF file, quantised or not, into float32 weights with Hugging Face names; called by `weights.load`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from evallab.modelserver.reference.checkpoint import Array, Checkpoint, Shape, require

_CONTROL = 3  # gguf's token type of special tokens
_LAYER_TENSORS = {  # the plain ones; q and k need their rows put back in order
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def load_gguf(file: Path) -> Checkpoint:
    """Load the model in `file`, or raise UnsupportedModel."""
    reader = gguf.GGUFReader(str(file))
    fields = {name: field.contents() for name, field in reader.fields.items()}
    _check(fields, {tensor.name for tensor in reader.tensors})
    raw = {tensor.name: _plain(tensor) for tensor in reader.tensors}
    shape = _shape(fields)
    texts: list[str] = fields["tokenizer.ggml.tokens"]
    named = _named_ids(fields)
    return Checkpoint(
        shape=shape,
        tensors=_tensors(raw, shape),
        tokenizer=_tokenizer(fields),
        end_ids=frozenset(named[key] for key in ("eos", "eot") if key in named),
        bos_token=texts[named["bos"]] if "bos" in named else None,
        eos_token=texts[named["eos"]] if "eos" in named else None,
        pad_token=texts[named["padding"]] if "padding" in named else None,
        chat_template=fields.get("tokenizer.chat_template"),
    )


def _plain(tensor: Any) -> Array:
    """Dequantise into an array of its own: one that maps the file makes every operation on it slower."""
    return np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32, subok=False)


def _check(fields: Mapping[str, Any], tensors: set[str]) -> None:
    architecture = fields.get("general.architecture")
    require(architecture == "llama", f"the architecture is {architecture!r}, not 'llama'")
    kind, split = fields.get("tokenizer.ggml.model"), fields.get("tokenizer.ggml.pre", "gpt-2")
    require(
        (kind, split) == ("gpt2", "gpt-2"), f"the tokenizer {kind!r} with the splitter {split!r} is not implemented"
    )
    require(not fields.get("tokenizer.ggml.add_bos_token"), "tokenizers that add a token in front are not implemented")
    scaling = fields.get("llama.rope.scaling.type", "none")
    require(scaling == "none" and "rope_freqs.weight" not in tensors, "RoPE scaling is not implemented")
    biases = sorted(name for name in tensors if name.endswith(".bias"))
    require(not biases, f"layers with biases are not implemented ({', '.join(biases[:3])})")


def _shape(fields: Mapping[str, Any]) -> Shape:
    def of(key: str) -> Any:
        return fields[f"llama.{key}"]

    heads = of("attention.head_count")
    return Shape(
        layers=of("block_count"),
        heads=heads,
        kv_heads=fields.get("llama.attention.head_count_kv", heads),
        head_dim=fields.get("llama.attention.key_length", of("embedding_length") // heads),
        theta=float(fields.get("llama.rope.freq_base", 10000.0)),
        eps=float(of("attention.layer_norm_rms_epsilon")),
        context=of("context_length"),
    )


def _tensors(raw: Mapping[str, Array], shape: Shape) -> dict[str, Array]:
    found = {"model.embed_tokens.weight": raw["token_embd.weight"], "model.norm.weight": raw["output_norm.weight"]}
    if "output.weight" in raw:
        found["lm_head.weight"] = raw["output.weight"]
    for layer in range(shape.layers):
        ours, theirs = f"model.layers.{layer}.", f"blk.{layer}."
        found[ours + "self_attn.q_proj.weight"] = _halves(raw[theirs + "attn_q.weight"], shape.heads)
        found[ours + "self_attn.k_proj.weight"] = _halves(raw[theirs + "attn_k.weight"], shape.kv_heads)
        for name, source in _LAYER_TENSORS.items():
            found[f"{ours}{name}.weight"] = raw[f"{theirs}{source}.weight"]
    return found


def _halves(rows: Array, heads: int) -> Array:
    """Undo llama.cpp's interleaving of the rotated pairs: Hugging Face keeps each head's halves apart."""
    pairs = rows.reshape(heads, rows.shape[0] // heads // 2, 2, rows.shape[1])
    return pairs.swapaxes(1, 2).reshape(rows.shape)


def _tokenizer(fields: Mapping[str, Any]) -> Tokenizer:
    texts, kinds = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    merges = [_pair(merge) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({text: number for number, text in enumerate(texts)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [text for text, kind in zip(texts, kinds, strict=True) if kind == _CONTROL]
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in special])
    return tokenizer


def _pair(merge: str) -> tuple[str, str]:
    left, _, right = merge.partition(" ")
    return left, right


def _named_ids(fields: Mapping[str, Any]) -> dict[str, int]:
    found = {name: fields.get(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos", "eot", "padding")}
    return {name: number for name, number in found.items() if number is not None}
