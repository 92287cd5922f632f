"""What lm-eval's own back ends are constructed with, and which parameters do not fit a model in the same process."""

from typing import Any

import pytest

from evallab.api.contract import InProcessSpec, JobSpec, JobSpecModel
from evallab.api.errors import AdapterFailed
from evallab_adapters.lm_eval_harness.model_args import model_args, refuse_what_does_not_fit
from evallab_adapters.lm_eval_harness.parameters import parse_parameters


def asked(backend: str, **args: Any) -> InProcessSpec:
    return InProcessSpec(backend=backend, pretrained="/weights", args=args)


@pytest.mark.parametrize(
    ("spec", "cuda", "arguments"),
    [
        (asked("hf"), False, {"pretrained": "/weights", "device": "cpu"}),
        (asked("hf"), True, {"pretrained": "/weights", "device": "cuda"}),
        (
            asked("hf", device="cpu", dtype="float32", batch_size=8),
            True,
            {"pretrained": "/weights", "device": "cpu", "dtype": "float32", "batch_size": 8},
        ),
        (asked("vllm"), True, {"pretrained": "/weights", "seed": 7}),
        (
            asked("vllm", tensor_parallel_size=2, max_model_len=4096, seed=1),
            True,
            {"pretrained": "/weights", "seed": 1, "tensor_parallel_size": 2, "max_model_len": 4096},
        ),
        (asked("hf", pretrained="elsewhere"), False, {"pretrained": "/weights", "device": "cpu"}),
    ],
)
def test_the_arguments_of_a_back_end(spec: InProcessSpec, cuda: bool, arguments: dict[str, Any]) -> None:
    assert model_args(spec, seed=7, cuda=cuda) == arguments


def refused(**parameters: Any) -> AdapterFailed | None:
    spec = JobSpec(
        id="j",
        provider_id="lm_evaluation_harness",
        benchmark_id="gsm8k",
        benchmark_index=0,
        model=JobSpecModel(name="m"),
        parameters=parameters,
        callback_url="",
    )
    try:
        refuse_what_does_not_fit(spec, parse_parameters(spec))
    except AdapterFailed as error:
        return error
    return None


def test_what_speaks_to_an_endpoint_is_refused_with_where_it_belongs() -> None:
    template = "Remove endpoint; apply_chat_template: true puts prompts into the model's chat template."
    remedies = {
        "endpoint": ("chat", template),
        "chat_template_kwargs": ({"a": 1}, "Put chat_template_args into spec.model.inProcess.parameters."),
        "think_end_token": ("</think>", "Put think_end_token into spec.model.inProcess.parameters."),
        "tokenizer": ("t", "Put tokenizer into spec.model.inProcess.parameters."),
        "add_bos_token": (True, "Put add_bos_token into spec.model.inProcess.parameters."),
        "max_length": (64, "Put max_length into spec.model.inProcess.parameters."),
    }
    for name, (value, remedy) in remedies.items():
        error = refused(**{name: value})
        assert error is not None
        assert (f"The parameter {name!r} of gsm8k is for a model behind an endpoint" in str(error), error.remedy) == (
            True,
            remedy,
        )
    assert refused(limit=5, num_fewshot=2, apply_chat_template=True, system_instruction="Be brief.") is None
