"""A model that lm-eval itself loads, in this process: `model.inProcess`. `evaluation` asks it in place of an endpoint.

The back end is lm-eval's own (`hf`, `vllm`); prompts, scoring and results are those of every other job. Its answers
are not kept between attempts: one that died begins anew.
"""

import hashlib
import importlib
import json
from collections import defaultdict
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from evallab.adapter.answer import TOO_LONG, Answer, failed
from evallab.adapter.client import OnAnswer
from evallab.api.contract import InProcessSpec, JobSpec, Json
from evallab.api.errors import AdapterFailed
from evallab_adapters.lm_eval_harness.model import Asked
from evallab_adapters.lm_eval_harness.model_args import model_args
from evallab_adapters.lm_eval_harness.parameters import Parameters
from evallab_adapters.lm_eval_harness.payloads import budget
from evallab_adapters.lm_eval_harness.prompts import ChatPrompt
from evallab_adapters.lm_eval_harness.rows import sha256
from evallab_adapters.lm_eval_harness.tokens import PROBES

_PACKAGES = ("lm-eval", "torch", "transformers", "accelerate", "vllm")


class InProcessModel:
    """A back end of lm-eval, and what is recorded of it."""

    def __init__(self, spec: JobSpec, asked: InProcessSpec, parameters: Parameters) -> None:
        """Load the weights. Raises AdapterFailed."""
        self._backend = _loaded(asked, spec.evallab.seed)
        self._max_length = int(self._backend.max_length)
        template = parameters.apply_chat_template
        self._template = self._backend.chat_template(template) if template else None
        if template and not self._template:
            raise AdapterFailed(
                "The model has no chat template.", remedy="Remove apply_chat_template, or use a chat model."
            )
        self.answered_by = self._facts(spec, asked)

    @property
    def tokenizer_name(self) -> str:
        """Return what identifies the tokenizer, for the harness's own caches."""
        return str(self.answered_by["tokenizer_sha256"])

    def apply_chat_template(self, chat_history: list[Json], add_generation_prompt: bool = True) -> ChatPrompt:  # noqa: FBT001
        """Make a prompt of messages."""
        text = self._backend.apply_chat_template(chat_history, add_generation_prompt=add_generation_prompt)
        return ChatPrompt.of(chat_history, text)

    def replies(self, kind: str, asked: Sequence[Asked], on_answer: OnAnswer) -> list[Answer]:
        """Answer requests of one kind; what does not fit into the context is not cut, but has no answer."""
        lengths = [self._tokens(kind, each.instance.args) for each in asked]
        answers: list[Answer] = [self._too_long(*length) or Answer() for length in lengths]
        for position, answer in enumerate(answers):
            if answer.error:
                on_answer(position, answer)
        fitting = [position for position, answer in enumerate(answers) if not answer.error]
        instances = [asked[position].instance for position in fitting]
        progress = _Progress(fitting, instances, on_answer)
        self._backend.set_cache_hook(progress)
        found = getattr(self._backend, kind)(instances) if instances else []
        for position, value in zip(fitting, found, strict=True):
            answers[position] = _answer(kind, value, lengths[position][0])
        progress.end()
        return answers

    def _tokens(self, kind: str, arguments: tuple[Any, ...]) -> tuple[int, int]:
        """Return how many tokens a prompt has, and how many are to follow."""
        if kind == "loglikelihood_rolling":
            return 0, 0  # it is split into windows
        if kind == "generate_until":
            return len(self._backend.tok_encode(str(arguments[0]))), budget(arguments[1])
        return len(self._backend.tok_encode("".join(map(str, arguments)))), 1

    def _too_long(self, prompt: int, new: int) -> Answer | None:
        if prompt + new <= self._max_length:
            return None
        sentence = (
            f"The prompt is too long: {prompt} tokens and {new} to generate, the context holds {self._max_length}."
        )
        return failed(TOO_LONG, sentence, prompt_tokens=prompt)

    def _facts(self, spec: JobSpec, asked: InProcessSpec) -> Json:
        """Return what is recorded of what answered, under the names that an endpoint's facts have."""
        return {
            "endpoint": "in process",
            "model": spec.model.name,
            "served": _served(self._backend, asked),
            "server_version": None,
            "max_model_len": self._max_length,
            "tokenizer_sha256": _fingerprint(self._backend.tokenizer),
            "prompts_as": "text",
            "add_bos_token": bool(asked.args.get("add_bos_token")),
            "chat_template_sha256": sha256(self._template) if self._template else None,
            "chat_template_kwargs": asked.args.get("chat_template_args") or {},
            "think_end_token": asked.args.get("think_end_token"),
        }


class _Progress:
    """The harness's own hook for answers as they come; it hands on which request each one belongs to."""

    def __init__(self, positions: Sequence[int], instances: Sequence[Any], on_answer: OnAnswer) -> None:
        self._left: dict[str, list[int]] = defaultdict(list)
        for position, instance in zip(positions, instances, strict=True):
            self._left[_key(instance.args)].append(position)
        self._on_answer = on_answer

    def add_partial(self, _kind: str, arguments: tuple[Any, ...], _value: Any) -> None:
        """Note that a request was answered."""
        if waiting := self._left.get(_key(arguments)):
            self._on_answer(waiting.pop(), Answer())

    def end(self) -> None:
        """Note those that the back end did not tell of."""
        for waiting in self._left.values():
            for position in waiting:
                self._on_answer(position, Answer())
        self._left.clear()


def _key(arguments: tuple[Any, ...]) -> str:
    return "\0".join(str(each) for each in arguments if isinstance(each, str))


def _answer(kind: str, value: Any, tokens: int) -> Answer:
    if kind == "generate_until":
        return Answer(text=str(value), prompt_tokens=tokens)
    if kind == "loglikelihood":
        return Answer(logprob=float(value[0]), greedy=bool(value[1]), prompt_tokens=tokens)
    return Answer(logprob=float(value))


def _loaded(asked: InProcessSpec, seed: int) -> Any:
    """Construct the back end. Whatever its libraries raise becomes a sentence: they know what is wrong, not we."""
    try:
        from lm_eval.api.registry import get_model

        backend = get_model(asked.backend)
        cuda = importlib.import_module("torch").cuda.is_available()
        importlib.import_module("transformers").set_seed(seed)
        return backend(**model_args(asked, seed=seed, cuda=cuda))
    except Exception as error:
        raise AdapterFailed(
            f"lm-eval's back end {asked.backend!r} could not load the model: {type(error).__name__}: {error}",
            remedy="Check spec.model.inProcess.parameters, and whether the model fits into the memory of its device.",
        ) from error


def _served(backend: Any, asked: InProcessSpec) -> Json:
    """Return the back end, the versions of its packages, its device and its dtype."""
    model, parameters = getattr(backend, "model", None), getattr(getattr(backend, "model", None), "parameters", None)
    dtype = next((str(each.dtype) for each in parameters()), None) if callable(parameters) else None
    return {
        "backend": asked.backend,
        "packages": _versions(),
        "device": str(getattr(backend, "device", None)),
        "dtype": dtype or str(getattr(model, "dtype", None) or asked.args.get("dtype", "auto")),
        "args": {name: value for name, value in asked.args.items() if name != "revision"},
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _fingerprint(tokenizer: Any) -> str:
    """Return what `tokens.fingerprint` returns for the same tokenizer elsewhere."""
    ids = [list(tokenizer.encode(text, add_special_tokens=False)) for text in PROBES]
    return hashlib.sha256(json.dumps(ids).encode()).hexdigest()
