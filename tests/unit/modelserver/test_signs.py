"""Logs of starts that failed, as users posted them, and what they mean. The lines are from public issues."""

import pytest

from evallab.modelserver.readiness import remedy_for
from evallab.modelserver.signs import meaning

AFTER = """
ERROR 06-30 13:53:19 [core.py:515] EngineCore failed to start.
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
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
