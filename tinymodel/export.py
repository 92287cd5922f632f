"""Export a trained .npz as a Hugging Face directory and as GGUF files.

python export.py TRAINED.npz OUT_DIR            -> OUT_DIR/hf, OUT_DIR/demo-{f16,q8_0,q4_0,q3}.gguf
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
from quantise import quantise
from safetensors.numpy import save_file
from tokenizers import Tokenizer

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
END = "<|endoftext|>"
FILE_TYPES = {"f16": 1, "q8_0": 7, "q4_0": 2, "q3": 2}
LAYER_TENSORS = {  # GGUF name -> Hugging Face name; q and k are permuted besides
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def tensors(z, c):
    """Return the stacked arrays under Hugging Face names, in its layout (out, in), as float16."""
    heads, kv = c["heads"] * c["hd"], c["kv"] * c["hd"]
    w = {"model.embed_tokens.weight": z["emb"], "model.norm.weight": z["norm"]}
    for i in range(c["layers"]):
        q, k, v = np.split(z["qkv"][i].T, [heads, heads + kv])
        gate, up = np.split(z["gu"][i].T, 2)
        layer = {
            "self_attn.q_proj": q,
            "self_attn.k_proj": k,
            "self_attn.v_proj": v,
            "self_attn.o_proj": z["o"][i].T,
            "mlp.gate_proj": gate,
            "mlp.up_proj": up,
            "mlp.down_proj": z["down"][i].T,
            "input_layernorm": z["n1"][i],
            "post_attention_layernorm": z["n2"][i],
        }
        w |= {f"model.layers.{i}.{name}.weight": x for name, x in layer.items()}
    return {k: np.ascontiguousarray(v.astype(np.float16)) for k, v in w.items()}


def config(c):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": c["vocab"],
        "hidden_size": c["d"],
        "intermediate_size": c["ffn"],
        "num_hidden_layers": c["layers"],
        "num_attention_heads": c["heads"],
        "head_dim": c["hd"],
        "num_key_value_heads": c["kv"],
        "max_position_embeddings": c["ctx"],
        "rms_norm_eps": c["eps"],
        "rope_theta": c["theta"],
        "rope_parameters": {"rope_type": "default", "rope_theta": c["theta"]},
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        "initializer_range": 0.02,
        "use_cache": True,
        "torch_dtype": "float16",
        "dtype": "float16",
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": 0,
    }


def tokenizer_config(c):
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END,
        "eos_token": END,
        "pad_token": END,
        "add_bos_token": False,
        "model_max_length": c["ctx"],
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT,
    }


def write_hf(w, c, tokenizer, out):
    out.mkdir(parents=True, exist_ok=True)
    files = {
        "config.json": config(c),
        "generation_config.json": {"bos_token_id": 0, "eos_token_id": [0, 2], "pad_token_id": 0, "do_sample": False},
        "tokenizer_config.json": tokenizer_config(c),
    }
    for name, content in files.items():
        (out / name).write_text(json.dumps(content, indent=1) + "\n")
    (out / "chat_template.jinja").write_text(CHAT)
    tokenizer.save(str(out / "tokenizer.json"))
    save_file(w, str(out / "model.safetensors"), metadata={"format": "pt"})


def write_gguf(w, c, tokenizer, path, kind):
    writer = gguf.GGUFWriter(str(path), "llama")
    add_shape(writer, c, path.stem, kind)
    add_vocabulary(writer, c["vocab"], json.loads(tokenizer.to_str()))
    for name, x in gguf_tensors(w, c):
        add_tensor(writer, name, x.astype(np.float32), kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_shape(writer, c, name, kind):
    writer.add_name(name)
    writer.add_context_length(c["ctx"])
    writer.add_embedding_length(c["d"])
    writer.add_block_count(c["layers"])
    writer.add_feed_forward_length(c["ffn"])
    writer.add_head_count(c["heads"])
    writer.add_head_count_kv(c["kv"])
    writer.add_key_length(c["hd"])
    writer.add_value_length(c["hd"])
    writer.add_rope_dimension_count(c["hd"])
    writer.add_rope_freq_base(c["theta"])
    writer.add_layer_norm_rms_eps(c["eps"])
    writer.add_vocab_size(c["vocab"])
    writer.add_file_type(FILE_TYPES[kind])


def add_vocabulary(writer, size, tokenizer):
    texts, types = [""] * size, [gguf.TokenType.NORMAL] * size
    for text, number in tokenizer["model"]["vocab"].items():
        texts[number] = text
    for added in tokenizer["added_tokens"]:
        texts[added["id"]], types[added["id"]] = added["content"], gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([text.encode() for text in texts])
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(m) if isinstance(m, list) else m for m in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_eot_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT)


def gguf_tensors(w, c):
    """Yield (name, matrix) in the order of the file."""
    yield "token_embd.weight", w["model.embed_tokens.weight"]
    yield "output_norm.weight", w["model.norm.weight"]
    for i in range(c["layers"]):
        ours, theirs = f"model.layers.{i}.", f"blk.{i}."
        yield theirs + "attn_q.weight", interleaved(w[ours + "self_attn.q_proj.weight"], c["heads"])
        yield theirs + "attn_k.weight", interleaved(w[ours + "self_attn.k_proj.weight"], c["kv"])
        for name, source in LAYER_TENSORS.items():
            yield f"{theirs}{name}.weight", w[f"{ours}{source}.weight"]


def interleaved(x, heads):
    """Permute from Hugging Face's rotated halves to llama.cpp's rotated pairs."""
    return x.reshape(heads, 2, x.shape[0] // heads // 2, x.shape[1]).swapaxes(1, 2).reshape(x.shape)


def add_tensor(writer, name, x, kind):
    if x.ndim == 1:
        writer.add_tensor(name, x)
    elif kind == "f16":
        writer.add_tensor(name, x.astype(np.float16))
    else:
        raw, gguf_type = quantise(name, x, kind)
        writer.add_tensor(name, raw, raw_dtype=gguf_type)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Export a trained model.")
    parser.add_argument("trained")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    z = np.load(options.trained)
    c, tokenizer = json.loads(str(z["cfg"])), Tokenizer.from_file(options.trained + ".tokenizer.json")
    w = tensors(z, c)
    write_hf(w, c, tokenizer, options.out / "hf")
    for kind in FILE_TYPES:
        write_gguf(w, c, tokenizer, options.out / f"demo-{kind}.gguf", kind)
