"""Rounding weights to 8, 4 and 3 bits in GGUF's block formats; `export.py` writes what comes out.

"q3" is 3-bit rounding stored in the Q4_0 container (even codes only), the embeddings at 4 bits: the gguf package has
no 3-bit quantiser, and every reader of Q4_0 can load it. It is the variant that is visibly worse.
"""

import gguf
import numpy as np
from gguf import GGMLQuantizationType


def quantise(name, x, kind):
    """Return (raw bytes, GGUF type) of the matrix `x`."""
    if kind == "q8_0":
        return gguf.quants.quantize(x, GGMLQuantizationType.Q8_0), GGMLQuantizationType.Q8_0
    coarse = kind == "q3" and "embd" not in name
    return q4_0_blocks(x, 3 if coarse else 4), GGMLQuantizationType.Q4_0


def q4_0_blocks(x, bits):
    """Return Q4_0 blocks of 32 (a float16 scale, 16 bytes of codes); 3 bits keep only even codes."""
    blocks = x.astype(np.float32).reshape(-1, 32)
    scale = blocks[np.arange(len(blocks)), np.abs(blocks).argmax(1)] / -8
    inverse = np.where(scale == 0, 0, 1 / np.where(scale == 0, 1, scale))[:, None]
    codes = np.floor(blocks * inverse + 8.5) if bits == 4 else 2 * np.round((blocks * inverse + 8) / 2)
    codes = np.clip(codes, 0, 15 if bits == 4 else 14).astype(np.uint8)
    packed = codes[:, :16] | (codes[:, 16:] << 4)
    return np.concatenate([scale.astype(np.float16)[:, None].view(np.uint8), packed], 1).reshape(x.shape[0], -1)
