"""The byte-level BPE tokenizer. No merge holds a digit, so Hugging Face and llama.cpp agree on ids."""

import random

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def build(world, vocab_size, seed=3, docs=20_000):
    """Train a tokenizer on the world's documents."""
    tokenizer = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=SPECIALS,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(plain_texts(world, random.Random(seed), docs), trainer)
    tokenizer.pre_tokenizer = byte_level  # the same ids, and now what llama.cpp calls "gpt-2"
    return tokenizer


def plain_texts(world, r, docs):
    texts = ["".join(text for text, _ in world.document(r)) for _ in range(docs)]
    for special in SPECIALS:
        texts = [text.replace(special, "") for text in texts]
    return texts
