"""Logs of starts that failed, and what they mean: lines from public issues, and of vLLM 0.32.0 as it ran here."""

import pytest

from evallab.modelserver.readiness import remedy_for
from evallab.modelserver.signs import cause, meaning

AFTER = """
ERROR 06-30 13:53:19 [core.py:515] EngineCore failed to start.
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""


WORKER = "(Worker pid=2837) ERROR 11-23 06:59:01 [multiproc_executor.py:953] "
CORE = "(EngineCore pid=2647) ERROR 11-23 06:59:07 [core.py:1510] "
DIED = f"""
(Worker pid=4947) ERROR 11-23 07:02:20 [multiproc_executor.py:1063] RuntimeError: Unsupported CPU attention
(EngineCore pid=4705) ERROR 11-23 07:02:20 [core.py:1512] EngineCore encountered a fatal error.
{CORE}    raise RuntimeError(
{CORE}RuntimeError: Worker failed with error 'Unsupported CPU attention configuration: head_dim=16 isa=2 \
kv_cache_idx=0', please check the stack trace above for the root cause
(APIServer pid=4300) ERROR 11-23 07:02:20 [async_llm.py:906] vllm.v1.engine.exceptions.EngineDeadError: EngineCore \
encountered an issue. See stack trace (above) for the root cause.
INFO:     127.0.0.1:59144 - "POST /v1/completions HTTP/1.1" 500 Internal Server Error
(APIServer pid=4300) INFO 11-23 07:02:21 [core_client.py:777] [shutdown] MPClient: complete
"""


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (  # vllm #15598
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 MiB. GPU 6 has a total capacity of "
            "44.53 GiB of which 448.00 KiB is free.",
            "Its memory was full.",
        ),
        (  # vllm #20305
            "[multiproc_executor.py:492] ValueError: Free memory on device (31.44/47.38 GiB) on startup is less than "
            "desired GPU memory utilization (0.95, 45.01 GiB). Decrease GPU memory utilization or reduce GPU memory "
            "used by other processes.",
            "Something else uses the GPU's memory.",
        ),
        (  # vllm #14452
            "[rank0]: ValueError: The model's max seq len (60000) is larger than the maximum number of tokens that can "
            "be stored in KV cache (58384). Try increasing `gpu_memory_utilization` or decreasing `max_model_len`",
            "The GPU's memory holds the weights, but not the requests.",
        ),
        ("RuntimeError: Failed to infer device type", "It found no GPU."),  # vllm #12847
        (  # vllm #1772
            "RuntimeError: The NVIDIA driver on your system is too old (found version 11040).",
            "This build does not fit the GPU or its driver.",
        ),
        (  # vllm #22414
            "(EngineCore_0 pid=897) ERROR 08-07 01:47:24 [core.py:720] Search for `cudaErrorNoKernelImageForDevice' in",
            "This build does not fit the GPU or its driver.",
        ),
        (  # vllm #4327
            "ValueError: The quantization method fp8 is not supported for the current GPU. Minimum capability: 90. "
            "Current capability: 86.",
            "It cannot use weights that are quantised like this.",
        ),
        (  # vllm #5842
            "ValueError: Quantization method specified in the model config (gptq) does not match the quantization "
            "method specified in the `quantization` argument (gptq_marlin).",
            "It cannot use weights that are quantised like this.",
        ),
        (  # vllm #14040
            "RuntimeError: ('Quantization scheme is not supported for ', 'the current GPU. Min capability: 80. ')",
            "It cannot use weights that are quantised like this.",
        ),
        (  # vllm #10481
            "ValueError: Model architectures ['LlamaModel'] are not supported for now. Supported architectures: [...]",
            "It does not know this architecture.",
        ),
        (  # vllm #4333
            "RuntimeError: Cannot find any model weights with 'meta-llama/CodeLlama-7b-Instruct-hf'",
            "It did not find the weights.",
        ),
        (  # vllm #13510
            "ValueError: Invalid repository ID or local directory specified: 'neuralmagic/Meta-Llama-3-8B-Instruct'.",
            "It did not find the weights.",
        ),
        ("vllm: error: unrecognized arguments: --omni", "It does not know one of its arguments."),  # vllm-omni #1364
        ("OSError: [Errno 98] Address already in use", "Another process had its port."),  # vllm #9763
        (
            "  Value error, Model architectures ['EvallabForCausalLM'] are not supported for now. Supported "
            "architectures: dict_keys(['AfmoeForCausalLM', 'ApertusForCausalLM',",
            "It does not know this architecture.",
        ),
        (
            "(APIServer pid=2028) ERROR 11-23 06:57:14 [repo_utils.py:124] Error parsing config for /models/tiny: The "
            "checkpoint you are trying to load has model type `evallab` but Transformers does not recognize this "
            "architecture. This could be because of an issue with the checkpoint",
            "It does not know this architecture.",
        ),
        (
            f"{CORE}ValueError: To serve at least one request with the model's max seq len (4194304), (8.0 GiB KV "
            "cache is needed, which is larger than the available KV cache memory (1.0 GiB). Based on the available "
            "memory, the estimated maximum model length is 524160.",
            "The GPU's memory holds the weights, but not the requests.",
        ),
        (
            "  Value error, User-specified max_model_len (4096) is greater than the derived max_model_len "
            "(max_position_embeddings=512.0 or model_max_length=None in model's config.json).",
            "--max-model-len is more than the model was made for.",
        ),
        (
            "  Value error, Unknown quantization method: nonsense. Must be one of ['awq', 'auto_awq', 'fp8',",
            "It cannot use weights that are quantised like this.",
        ),
        (
            "  Value error, Cannot find any of ['sym'] in the model's quantization config. [type=value_error,",
            "It cannot use weights that are quantised like this.",
        ),
        (
            "  Value error, Cannot find the config file for gptq [type=value_error, input_value=ArgsKwargs((),",
            "It cannot use weights that are quantised like this.",
        ),
        (
            f"{WORKER}RuntimeError: Cannot find any model weights with `/models/tiny`",
            "It did not find the weights.",
        ),
        (
            f"{WORKER}safetensors._safetensors_rust.SafetensorError: Error while deserializing header: incomplete "
            "metadata, file not fully covered",
            "The file of the weights is damaged, or not all of it is there.",
        ),
    ],
)
def test_a_line_of_a_real_log_above_what_always_follows(line: str, reason: str) -> None:
    found = meaning((line + AFTER).splitlines())
    assert (found and found.reason) == reason


def test_of_two_starts_in_one_log_the_last_one_speaks() -> None:
    log = "torch.OutOfMemoryError: CUDA out of memory.\nstart again\nRuntimeError: Failed to infer device type\n"
    found = meaning(log.splitlines())
    assert (found and found.reason) == "It found no GPU."


def test_something_definite_counts_more_than_a_missing_file() -> None:
    log = "CUDA out of memory\ncat: /x: No such file or directory"
    assert "does not fit into memory" in remedy_for(log)


def test_a_log_that_says_nothing_known_has_no_meaning() -> None:
    assert meaning(["INFO 05-27 11:47:41 [loader.py:458] Loading weights took 28.05 seconds"]) is None


def test_the_line_that_tells_stands_without_process_and_time() -> None:
    said = f"{WORKER}RuntimeError: Cannot find any model weights with `/models/tiny`"
    log = f"{said}\n{CORE}EngineCore failed to start.{AFTER}"
    assert cause(log.splitlines()) == "RuntimeError: Cannot find any model weights with `/models/tiny`"


def test_of_an_engine_that_died_of_something_unknown_the_last_error_tells_and_no_wrapper() -> None:
    assert cause(DIED.splitlines()) == (
        "RuntimeError: Worker failed with error 'Unsupported CPU attention configuration: head_dim=16 isa=2 "
        "kv_cache_idx=0', please check the stack trace above for the root cause"
    )


def test_a_log_without_errors_has_no_cause() -> None:
    assert cause(["INFO 05-27 11:47:41 [loader.py:458] Loading weights took 28.05 seconds", "RuntimeError: "]) == ""
