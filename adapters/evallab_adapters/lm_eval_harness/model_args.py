"""What lm-eval's own back ends are constructed with, for `model.inProcess`. Pure; `in_process` calls it."""

from evallab.api.contract import InProcessSpec, JobSpec, Json
from evallab.api.errors import AdapterFailed
from evallab_adapters.lm_eval_harness.parameters import Parameters

_OF_ENDPOINTS = ("endpoint", "chat_template_kwargs", "think_end_token", "tokenizer", "add_bos_token", "max_length")
_THERE = {"chat_template_kwargs": "chat_template_args"}


def model_args(asked: InProcessSpec, *, seed: int, cuda: bool) -> Json:
    """Return the arguments of the back end's constructor: the job's, over what this machine and its seed say."""
    own: Json = {"seed": seed} if asked.backend == "vllm" else {"device": "cuda" if cuda else "cpu"}
    return {**own, **asked.args, "pretrained": asked.pretrained}


def refuse_what_does_not_fit(spec: JobSpec, parameters: Parameters) -> None:
    """Refuse parameters that are for an endpoint; ignored, they would mislead. Raises AdapterFailed."""
    given = parameters.model_dump(exclude_defaults=True)
    name = next((each for each in _OF_ENDPOINTS if each in given), None)
    if name is None:
        return
    remedy = f"Put {_THERE.get(name, name)} into spec.model.inProcess.parameters."
    if name == "endpoint":
        remedy = "Remove endpoint; apply_chat_template: true puts prompts into the model's chat template."
    raise AdapterFailed(
        f"The parameter {name!r} of {spec.benchmark_id} is for a model behind an endpoint; "
        "this one is loaded by the harness.",
        remedy=remedy,
    )
