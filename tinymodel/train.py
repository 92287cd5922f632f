"""Train the demo model on a CPU with JAX, in float32. One seed gives the same weights on one type of machine.

python train.py OUT.npz [--steps 3000] [--seed 0]
"""

import argparse
import json
import random
import time

import jax.numpy as jnp
import numpy as np
from model import CONFIG, init
from optimiser import make_step, start
from tasks import World
from tok import build

CHUNK = 100  # steps whose rows are generated together
SAVE_EVERY = 500
OPEN_ROWS = 48
NEARLY_FULL = 12  # a row with fewer tokens left than this is done


def corpus(world, tokenizer, rows, length, seed, prompt_weight):
    """Return ids and weights: whole documents packed into rows (first fit), nothing cut, padding with weight 0."""
    done = []
    r, waiting = random.Random(seed), []
    while len(done) < rows:
        for ids, weights in encoded(world, tokenizer, r, prompt_weight):
            if len(ids) <= length:
                pack(ids, weights, waiting, done, length)
    all_ids, all_weights = np.zeros((rows, length + 1), np.int32), np.zeros((rows, length + 1), np.float32)
    for k, (ids, weights) in enumerate(done[:rows]):
        all_ids[k, : len(ids)], all_weights[k, : len(weights)] = ids, weights
    return all_ids, all_weights


def encoded(world, tokenizer, r, prompt_weight, count=512):
    """Yield (ids, weights) of `count` documents."""
    documents = [world.document(r) for _ in range(count)]
    texts = [text for document in documents for text, _ in document]
    encodings = iter(tokenizer.encode_batch(texts, add_special_tokens=False))
    for document in documents:
        ids, weights = [], []
        for _, learnt in document:
            segment = next(encodings).ids
            ids += segment
            weights += [1.0 if learnt else prompt_weight] * len(segment)
        yield ids, weights


def pack(ids, weights, waiting, done, length):
    """Put a document into the first row with room; move a full row to `done`."""
    row = next((row for row in waiting if len(row[0]) + len(ids) <= length + 1), None)
    if row is None:
        row = ([], [])
        waiting.append(row)
    row[0].extend(ids)
    row[1].extend(weights)
    full = len(row[0]) > length - NEARLY_FULL
    if full or len(waiting) > OPEN_ROWS:
        leaving = row if full else max(waiting, key=lambda each: len(each[0]))
        waiting.remove(leaving)
        done.append(leaving)


def learning_rate(peak, i, steps):
    """Return the rate of step `i`: 50 steps up, flat for a fifth, then down to 1 %."""
    fraction = i / steps
    return peak * min(1.0, (i + 1) / 50) * (1.0 if fraction < 0.2 else max(0.01, (1 - fraction) / 0.8))


def save(path, parameters, cfg, tokenizer):
    tokenizer.save(path + ".tokenizer.json")
    np.savez(path, cfg=json.dumps(cfg), **{k: np.asarray(v) for k, v in parameters.items()})


def options_from_command_line():
    parser = argparse.ArgumentParser(description="Train the demo model.")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--len", type=int, default=128, dest="length")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--prompt-weight", type=float, default=0.05)
    return parser.parse_args()


def main():
    options = options_from_command_line()
    world, cfg = World(), dict(CONFIG)
    tokenizer = build(world, cfg["vocab"])
    cfg["vocab"] = tokenizer.get_vocab_size()
    p = {k: jnp.asarray(v) for k, v in init(cfg, options.seed).items()}
    s, step, begin = start(p), make_step(cfg), time.time()
    print("parameters", sum(v.size for v in p.values()), flush=True)
    for i in range(options.steps):
        if i % CHUNK == 0:
            seed = 1000 + options.seed * 100_000 + i
            ids, ws = corpus(world, tokenizer, CHUNK * options.batch, options.length, seed, options.prompt_weight)
        rows = slice(i % CHUNK * options.batch, (i % CHUNK + 1) * options.batch)
        lr = learning_rate(options.lr, i, options.steps)
        p, s, loss = step(p, s, ids[rows], ws[rows, 1:], jnp.float32(lr), jnp.float32(i + 1))
        if (i + 1) % CHUNK == 0:
            print(f"step {i + 1} loss {float(loss):.4f} {time.time() - begin:.0f} s", flush=True)
        if (i + 1) % SAVE_EVERY == 0:
            save(f"{options.out.removesuffix('.npz')}-{i + 1}.npz", p, cfg, tokenizer)
    save(options.out, p, cfg, tokenizer)


if __name__ == "__main__":
    main()
