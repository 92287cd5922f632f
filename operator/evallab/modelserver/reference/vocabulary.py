"""Text to token ids and back: the server's endpoints, the generation and the log-probability shapes all ask here."""

from collections.abc import Sequence

from evallab.modelserver.reference.checkpoint import Checkpoint

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class Vocabulary:
    """A tokenizer with its special tokens."""

    def __init__(self, checkpoint: Checkpoint, size: int) -> None:
        """Decode each of the `size` ids once, as log-probabilities name them."""
        self._tokenizer = checkpoint.tokenizer
        self._checkpoint = checkpoint
        self.end_ids = checkpoint.end_ids
        self.pieces = [self._tokenizer.decode([number], skip_special_tokens=False) for number in range(size)]

    @property
    def size(self) -> int:
        """How many ids there are."""
        return len(self.pieces)

    @property
    def chats(self) -> bool:
        """Whether the model's chat template is the one that `render` knows (no template language is interpreted)."""
        return self._checkpoint.chat_template == CHATML

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        """Return the ids of `text`."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids
        return ids

    def decode(self, ids: Sequence[int], *, keep_special: bool = False) -> str:
        """Return the text of `ids`; special tokens are left out unless they are to be kept."""
        return self._tokenizer.decode(list(ids), skip_special_tokens=not keep_special)

    def render(self, messages: Sequence[tuple[str, str]], *, add_generation_prompt: bool = True) -> str:
        """Return the prompt of a conversation of (role, text) pairs."""
        turns = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in messages)
        return turns + ("<|im_start|>assistant\n" if add_generation_prompt else "")

    def facts(self, context: int) -> dict[str, object]:
        """Return what GET /tokenizer_info says, in vLLM's words."""
        return {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": self._checkpoint.bos_token,
            "eos_token": self._checkpoint.eos_token,
            "pad_token": self._checkpoint.pad_token,
            "chat_template": self._checkpoint.chat_template,
            "model_max_length": context,
        }
