"""From the text that came back to the text that is scored: reasoning apart, stop strings applied. Pure; for `asker`."""

from dataclasses import replace

from evallab.adapter.answer import NO_CONTENT, Answer
from evallab.api.contract import Json
from evallab_adapters.lm_eval_harness.payloads import CHAT_STOPS, Asking, stops


def scored_text(asking: Asking, answer: Answer, gen_kwargs: Json, *, chat: bool) -> Answer:
    """Return the answer with only the text that is scored; the reasoning is kept beside it."""
    if answer.error is not None or answer.text is None:
        return answer
    answer = _without_reasoning(answer, asking.think_end_token)
    listed = stops(gen_kwargs, asking.eos)
    here = listed if asking.stops_here else listed[CHAT_STOPS:] if chat else []
    return replace(answer, text=cut(answer.text, here)) if answer.text else answer


def cut(text: str, strings: list[str]) -> str:
    """Cut a text before the first of the strings."""
    for string in filter(None, strings):
        text = text.split(string, 1)[0]
    return text


def _without_reasoning(answer: Answer, token: str | None) -> Answer:
    if not token or answer.text is None:
        return answer
    reasoning, found, text = answer.text.rpartition(token)
    if found:
        return replace(answer, text=text.lstrip(), reasoning=reasoning)
    if answer.truncated:
        sentence = "No answer: the token budget was used up while the model was still reasoning (raise max_gen_toks)."
        return replace(answer, text=None, reasoning=answer.text, error=sentence, error_kind=NO_CONTENT)
    return answer
