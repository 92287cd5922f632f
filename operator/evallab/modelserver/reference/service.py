"""What a request means to the loaded model: limits checked, prompts encoded, the order for the worker written."""

from evallab.modelserver.reference.api import MAX_CHOICES, ChatRequest, CompletionRequest, Message, TokenizeRequest
from evallab.modelserver.reference.engine import Engine
from evallab.modelserver.reference.errors import Refused
from evallab.modelserver.reference.parts import Order, Question
from evallab.modelserver.reference.sampling import Sampling
from evallab.modelserver.reference.vocabulary import Vocabulary

_DEFAULT_COMPLETION_TOKENS = 16


class Service:
    """A model, its vocabulary and its name; knows every limit that depends on the model."""

    def __init__(self, engine: Engine, vocabulary: Vocabulary, name: str) -> None:
        """Serve `engine` under `name`."""
        self.engine, self.vocabulary, self.name = engine, vocabulary, name

    def completion(self, request: CompletionRequest) -> Order:
        """Return the order of a completions request, or refuse it."""
        self._known(request.model)
        prompts = request.prompts
        choices = request.n or 1
        if len(prompts) * choices > MAX_CHOICES * 8:
            raise Refused(f"At most {MAX_CHOICES * 8} choices per request; this one asks for more.", param="n")
        questions = [self._question(each, special=request.add_special_tokens) for each in prompts]
        longest = max(len(question.ids) for question in questions)
        tokens = self._max_tokens(longest, request.max_tokens, _DEFAULT_COMPLETION_TOKENS)
        top = self._top(request.logprobs, "logprobs")
        return Order(questions, self._sampling(request, tokens), choices, request.echo, top)

    def chat(self, request: ChatRequest) -> Order:
        """Return the order of a chat request, or refuse it."""
        self._known(request.model)
        if request.top_logprobs and not request.logprobs:
            raise Refused("When using `top_logprobs`, `logprobs` must be set to true.", param="top_logprobs")
        ids = self._conversation(request.messages, generate=request.add_generation_prompt)
        self._in_vocabulary(ids)
        asked = request.max_tokens if request.max_completion_tokens is None else request.max_completion_tokens
        tokens = self._max_tokens(len(ids), asked, self.engine.context)
        top = self._top(request.top_logprobs or 0, "top_logprobs") if request.logprobs else None
        return Order([Question(ids, "")], self._sampling(request, tokens), request.n or 1, top=top)

    def tokenize(self, request: TokenizeRequest) -> list[int]:
        """Return the ids of a prompt or a conversation."""
        if request.messages is not None:
            return self._conversation(request.messages, generate=request.add_generation_prompt)
        if request.prompt is None:
            raise Refused("prompt: Field required.", param="prompt")
        return self.vocabulary.encode(request.prompt, add_special_tokens=request.add_special_tokens)

    def detokenize(self, tokens: list[int]) -> str:
        """Return the text of `tokens`, special ones included."""
        self._in_vocabulary(tokens, "tokens")
        return self.vocabulary.decode(tokens, keep_special=True)

    def _known(self, model: str | None) -> None:
        if model not in (None, self.name):
            raise Refused(f"The model `{model}` does not exist.", param="model", status=404)

    def _question(self, prompt: str | list[int], *, special: bool) -> Question:
        if isinstance(prompt, list):
            self._in_vocabulary(prompt)
            return Question(prompt, self.vocabulary.decode(prompt))
        ids = self.vocabulary.encode(prompt, add_special_tokens=special)
        if not ids:
            raise Refused("The prompt is empty: it needs at least one token.", param="prompt")
        return Question(ids, prompt)

    def _conversation(self, messages: list[Message], *, generate: bool) -> list[int]:
        if not self.vocabulary.chats:
            raise Refused("This model has no ChatML template, the only one that this server knows; use completions.")
        text = self.vocabulary.render([each.pair for each in messages], add_generation_prompt=generate)
        return self.vocabulary.encode(text, add_special_tokens=False)

    def _in_vocabulary(self, ids: list[int], param: str = "prompt") -> None:
        if ids and not 0 <= min(ids) <= max(ids) < self.vocabulary.size:
            outside = next(each for each in ids if not 0 <= each < self.vocabulary.size)
            raise Refused(f"Token id {outside} is out of vocabulary (0 to {self.vocabulary.size - 1}).", param=param)

    def _max_tokens(self, prompt: int, asked: int | None, default: int) -> int:
        """Return how many tokens to generate; only a number that was asked for can be too large."""
        context = self.engine.context
        needed = prompt + (asked if asked is not None else 1)
        if needed > context:
            raise Refused(
                f"This model's maximum context length is {context} tokens. However, you requested {needed} tokens "
                f"({prompt} in the prompt, {needed - prompt} in the completion). Please reduce the length of the "
                "prompt or completion.",
                param="max_tokens" if prompt < context else "prompt",
            )
        return asked if asked is not None else min(default, context - prompt)

    def _top(self, asked: int | None, param: str) -> int | None:
        if asked is not None and asked > self.vocabulary.size:
            raise Refused(f"At most {self.vocabulary.size} alternatives exist; {asked} were asked for.", param=param)
        return asked

    def _sampling(self, request: CompletionRequest | ChatRequest, max_tokens: int) -> Sampling:
        return Sampling(
            max_tokens=max_tokens,
            temperature=1.0 if request.temperature is None else request.temperature,
            top_p=1.0 if request.top_p is None else request.top_p,
            top_k=max(request.top_k or 0, 0),
            seed=request.seed,
            stop=request.stops,
            stop_token_ids=frozenset(request.stop_token_ids or ()),
            ignore_eos=request.ignore_eos,
            include_stop=request.include_stop_str_in_output,
        )
