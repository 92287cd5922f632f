"""Contexts and continuations as token ids, cut where the stock harness cuts them. For `asker`, for log-likelihood."""

from array import array
from collections.abc import Iterator, Sequence

from evallab.api.errors import AdapterFailed
from evallab_adapters.lm_eval_harness.tokens import Ids, Tokens

Pair = tuple[str, str]
IdPair = tuple[Ids, Ids]
_AT_ONCE = 1024


async def encode_pairs(tokens: Tokens, pairs: Sequence[Pair], *, prefix: int | None, bos: int | None) -> list[IdPair]:
    """Encode each pair; a context that several choices share is encoded once per batch."""
    encoded: list[IdPair] = []
    for start in range(0, len(pairs), _AT_ONCE):
        moved = [_spaces_to_continuation(*pair) for pair in pairs[start : start + _AT_ONCE]]
        texts = list(
            dict.fromkeys(text for context, continuation in moved for text in (context, context + continuation))
        )
        ids = dict(zip(texts, await tokens.encode(texts), strict=True))
        encoded += [_cut(ids[context], ids[context + continuation], prefix, bos) for context, continuation in moved]
    return encoded


def windows(ids: Sequence[int], *, prefix: int, longest: int) -> Iterator[IdPair]:
    """Split a text into disjoint windows with as much context as fits, as the harness does for perplexity."""
    from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

    for window in get_rolling_token_windows(list(ids), prefix, longest, 1):
        context, continuation = make_disjoint_window(window)
        yield array("I", context), array("I", continuation)


def prefix_required(prefix: int | None) -> int:
    """Return the id that stands before a text without context."""
    if prefix is None:
        raise AdapterFailed(
            "A text without context needs the tokenizer's beginning- or end-of-text token, and it is not known.",
            remedy="Name the tokenizer's directory (with tokenizer_config.json) with the parameter tokenizer.",
        )
    return prefix


def _spaces_to_continuation(context: str, continuation: str) -> Pair:
    """Spaces at the end of a context belong to the continuation: most tokenizers join them to the next word."""
    kept = context.rstrip()
    return kept, context[len(kept) :] + continuation


def _cut(context: Ids, whole: Ids, prefix: int | None, bos: int | None) -> IdPair:
    if not context:
        first = prefix_required(prefix)
        return (whole[:1], whole[1:]) if whole and whole[0] == first else (array("I", [first]), whole)
    continuation = whole[len(context) :]
    if bos is not None and context[0] != bos:
        context = array("I", [bos]) + context
    return context, continuation
