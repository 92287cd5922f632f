"""What the log of a server that did not start means: signs in its lines → what happened and what to do. Pure.

Called by `readiness` on a workstation and by the controller for pods. The words are vLLM's, PyTorch's, Transformers'
and llama.cpp's own; the tests hold lines of real logs.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sign:
    """What one of these words (lower case) in a line of a log means."""

    words: tuple[str, ...]
    reason: str
    remedy: str


_SPECIFIC: tuple[Sign, ...] = (
    Sign(
        ("is less than desired gpu memory utilization",),
        "Something else uses the GPU's memory.",
        "End what else runs on the GPU (nvidia-smi), or lower --gpu-memory-utilization in serve.args.",
    ),
    Sign(
        (
            "no available memory for the cache blocks",
            "that can be stored in kv cache",
            "larger than the available kv cache memory",
        ),
        "The GPU's memory holds the weights, but not the requests.",
        "The model does not fit into memory with its whole context: set --max-model-len in serve.args to less.",
    ),
    Sign(
        ("is greater than the derived max_model_len",),
        "--max-model-len is more than the model was made for.",
        "Lower --max-model-len in serve.args, or leave it out: config.json says how much the model takes.",
    ),
    Sign(
        ("out of memory", "outofmemoryerror", "cannot allocate memory"),
        "Its memory was full.",
        "The model does not fit into memory; use a smaller or quantised one, or a shorter context (--max-model-len).",
    ),
    Sign(
        (
            "failed to infer device type",
            "no cuda gpus are available",
            "found no nvidia driver",
            "libcuda.so.1: cannot open",
            "no cuda-capable device",
        ),
        "It found no GPU.",
        "Run it where there is one (nvidia-smi shows it, CUDA_VISIBLE_DEVICES names it), or use another runtime.",
    ),
    Sign(
        (
            "nvidia driver on your system is too old",
            "no kernel image is available",
            "cudaerrornokernelimagefordevice",
            "driver version is insufficient",
        ),
        "This build does not fit the GPU or its driver.",
        "Update the driver, or set serve.version to one that was built for this GPU.",
    ),
    Sign(
        ("bfloat16 is only supported on gpus",),
        "The GPU does not compute in bfloat16.",
        "Set --dtype half in serve.args; this changes the answers a little.",
    ),
    Sign(
        (
            "unknown quantization method",
            "does not match the quantization method",
            "is not supported for the current gpu",
            "quantization scheme is not supported",
            "is not supported for quantization method",
            "in the model's quantization config",
            "cannot find the config file for",
        ),
        "It cannot use weights that are quantised like this.",
        "Use other weights, another serve.version or another GPU; leave --quantization out of serve.args.",
    ),
    Sign(
        ("are not supported for now", "does not recognize this architecture", "has no vllm implementation"),
        "It does not know this architecture.",
        "Use a newer serve.version, or another runtime; the list is in the server's documentation.",
    ),
    Sign(
        ("contains custom code", "`trust_remote_code=true`"),
        "The model brings code of its own.",
        "Read that code; if you trust it, add --trust-remote-code to serve.args.",
    ),
    Sign(
        (
            "cannot find any model weights",
            "invalid repository id or local directory",
            "is not a valid model identifier",
            "does not appear to have a file named",
            "repositorynotfounderror",
            "gatedrepoerror",
            "cannot access gated repo",
            "localentrynotfounderror",
        ),
        "It did not find the weights.",
        "Check serve.source: the repository, its revision, the credentials in secretRef, the directory.",
    ),
    Sign(
        ("error while deserializing header",),
        "The file of the weights is damaged, or not all of it is there.",
        "Fetch or copy the weights again: their file is shorter than its header says, or no safetensors file.",
    ),
    Sign(
        ("is larger than the number of available gpus",),
        "It wants more GPUs than there are.",
        "Lower --tensor-parallel-size in serve.args, or raise hardwareConfig.gpu.count.",
    ),
    Sign(
        ("address already in use",),
        "Another process had its port.",
        "Another process took the port; run it again.",
    ),
    Sign(
        ("unrecognized arguments", "error: argument ", "invalid choice:"),
        "It does not know one of its arguments.",
        "Check serve.args: the server does not know one of them; another serve.version may.",
    ),
    Sign(
        ("no module named",),
        "Its environment lacks a package.",
        "The environment lacks a package; install the extra of this runtime.",
    ),
    Sign(
        ("no space left on device",),
        "The disk was full.",
        "Make room on the disks of EVALLAB_HOME, of /tmp and of /dev/shm.",
    ),
)
_GENERAL: tuple[Sign, ...] = (
    Sign(
        ("no such file or directory",),
        "It did not find a file.",
        "Check serve.source: a file that it names does not exist.",
    ),
)


_ERROR = re.compile(r"(?:[A-Za-z_][\w.]*(?:Error|Exception|Interrupt)|Value error)[:,] ?\S")
_WRAPPER = re.compile(r"see (?:root cause|stack trace) \(?above")  #: vLLM's, around what another process of it said
_PREFIX = re.compile(r"^\([A-Za-z]+[\w ]*pid=\d+\) |^[A-Z]+ [\d-]+ [\d:.]+ \[[\w.]+:\d+\] ")


def meaning(lines: Sequence[str]) -> Sign | None:
    """Return what a log means: its last line that says something definite; None when none does.

    The last one, because a log may begin with an earlier start; what vLLM says after the cause is no sign.
    """
    return (_last(lines, _SPECIFIC) or _last(lines, _GENERAL) or (None, ""))[0]


def cause(lines: Sequence[str]) -> str:
    """Return the line that says why: the one that `meaning` goes by, else the last error; "" when there is none.

    Its process and time are left out. Below it vLLM writes a hundred lines of what else failed because of it.
    """
    found = _last(lines, _SPECIFIC) or _last(lines, _GENERAL)
    return _bare(found[1] if found else next(filter(_is_error, reversed(lines)), ""))


def _is_error(line: str) -> bool:
    return bool(_ERROR.match(_bare(line))) and not _WRAPPER.search(line.lower())


def _bare(line: str) -> str:
    """Return a line of a log without the process and the time that vLLM writes before it."""
    while (rest := _PREFIX.sub("", line.strip())) != line:
        line = rest
    return line


def _last(lines: Sequence[str], signs: Iterable[Sign]) -> tuple[Sign, str] | None:
    known = tuple(signs)
    for line in reversed(lines):
        lower = line.lower()
        for sign in known:
            if any(word in lower for word in sign.words):
                return sign, line
    return None
