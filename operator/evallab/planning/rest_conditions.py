"""What a job made over REST may not say, and what one computer does not enforce. Pure; the server asks before storing.

A request may come from anybody who reaches the port, so it may not run commands here, read files outside the
directories that the owner named, or use credentials that are not meant for it. `refusal` is the whole question;
`paths_named` lets the server follow symbolic links and ask `within` again, which a pure function cannot do.

Paths are those of the REST body. What an adapter does with parameters of its own is not judged here.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from evallab.api.evalhub.errors import ApiError
from evallab.api.job import Benchmark, EvalJob, Hardware
from evallab.planning.data_checks import data_secret
from evallab.planning.hardware import RESOURCE

_OWNER = "the owner of the server can allow it with evallab.rest"
_CODE = "include_path"
_PATHS = ("tokenizer", "dataset_path", "dataset_kwargs", "metadata")  # of our adapter: they open what they name
_REMOTE = re.compile(r"(https?|hf)://[^:]*+(:\d++)?[^:]*")  # possessive: what does not match is read once
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S")


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What the owner of the server lets requests name on this machine: `evallab.rest` of its configuration."""

    local_commands: bool = False
    roots: tuple[str, ...] = ()
    secret_roots: tuple[str, ...] = ()
    task_code: bool = False


@dataclass(frozen=True, kw_only=True)
class PathNamed:
    """A path on this machine that a job names: where, which, and whose roots it must lie below."""

    field: str
    path: str
    kind: Literal["data", "secret", "code"]


def refusal(job: EvalJob, allowed: Allowed) -> ApiError | None:
    """Return why a job may not be made over REST, or None when it may."""
    if job.experiment is not None:
        return ApiError("mlflow_required_for_experiment")
    if reasons := not_supported(job):
        return ApiError("not_supported", reason="; ".join(reasons))
    if reasons := refused_over_rest(job, allowed):
        return ApiError("not_allowed_over_rest", reason="; ".join(reasons))
    return None


def not_supported(job: EvalJob) -> tuple[str, ...]:
    """Return what this version, on one computer, does not do at all."""
    exports = [f"exports.{name}: is not in this version yet; remove it" for name in job.exports or {}]
    claims = [
        f"{where}.test_data_ref.pvc: there are no volume claims on one computer; use hf, http, git, s3 or path"
        for where, benchmark in _entries(job)
        if benchmark.test_data and benchmark.test_data.pvc
    ]
    return (*exports, *claims)


def refused_over_rest(job: EvalJob, allowed: Allowed) -> tuple[str, ...]:
    """Return what a request may not say, one sentence each; nothing when the job is harmless to this machine."""
    return (*_commands(job, allowed), *_code(job, allowed), *_outside(job, allowed))


def _commands(job: EvalJob, allowed: Allowed) -> Iterator[str]:
    serve = job.model.serve
    if serve and (serve.runtime == "custom" or serve.command) and not allowed.local_commands:
        yield f"custom.evallab.serve: a request may not run commands on this machine; {_OWNER}.local_commands"
    wild = [arg for arg in (serve.args if serve and serve.runtime == "vllm" else ()) if _is_wild(arg)]
    if wild and not allowed.local_commands:
        yield f"custom.evallab.serve.args: a request may not say {wild[0].partition('=')[0]}; {_OWNER}.local_commands"
    if job.model.in_process and not allowed.task_code:
        yield f"custom.evallab.in_process: a request may not load code on this machine; {_OWNER}.task_code"


def _is_wild(arg: str) -> bool:
    """Tell whether an argument of vLLM may open files or import code here: all flags may that are not known better."""
    return arg.startswith("-") and arg.partition("=")[0].replace("_", "-") not in _TAME


_TAME = frozenset(
    f"--{name}"
    for name in (
        *("max-model-len", "dtype", "quantization", "kv-cache-dtype", "seed", "enforce-eager", "max-num-seqs"),
        *("gpu-memory-utilization", "tensor-parallel-size", "pipeline-parallel-size", "max-num-batched-tokens"),
        *("enable-prefix-caching", "no-enable-prefix-caching", "enable-chunked-prefill", "no-enable-chunked-prefill"),
    )
)


def _code(job: EvalJob, allowed: Allowed) -> Iterator[str]:
    """Task files hold Python, and so do some data sets."""
    for where, benchmark in _entries(job):
        parameters = benchmark.parameters
        if parameters.get(_CODE) and not allowed.task_code:
            yield f"{where}.parameters.{_CODE}: a request may not bring task files, which are code; {_OWNER}.task_code"
        kwargs = parameters.get("dataset_kwargs")
        if isinstance(kwargs, dict) and kwargs.get("trust_remote_code") and not allowed.task_code:
            yield (
                f"{where}.parameters.dataset_kwargs.trust_remote_code: a request may not run the code of a data set;"
                f" {_OWNER}.task_code"
            )


def _outside(job: EvalJob, allowed: Allowed) -> Iterator[str]:
    for named in paths_named(job):
        secret = named.kind == "secret"
        if not within(named.path, roots_of(named, allowed)):
            setting = "secret_roots" if secret else "roots"
            what = "credentials" if secret else "files"
            yield (
                f'{named.field}: "{named.path}" is not below a directory whose {what} requests may use; '
                f"{_OWNER}.{setting}"
            )


def roots_of(named: PathNamed, allowed: Allowed) -> tuple[str, ...]:
    """Return the directories that a path must lie below."""
    return allowed.secret_roots if named.kind == "secret" else allowed.roots


def within(path: str, roots: Iterable[str]) -> bool:
    """Tell whether a path is one of the directories, or lies below one, going by its name alone."""
    steps = path.split("/")
    if not path.startswith("/") or ".." in steps or not path.isprintable():
        return False
    place = _steps(path)
    return any(place[: len(_steps(root))] == _steps(root) for root in roots)


def _steps(path: str) -> list[str]:
    return [step for step in path.split("/") if step not in {"", "."}]


def paths_named(job: EvalJob) -> tuple[PathNamed, ...]:
    """Return every path on this machine that the job names."""
    return tuple(_named(job))


def _named(job: EvalJob) -> Iterator[PathNamed]:
    model = job.model
    source = model.serve.source if model.serve else None
    if source and source.path:
        yield PathNamed(field="custom.evallab.serve.source.path", path=_plain(source.path), kind="data")
    if source and source.hf and source.hf.secret_ref:
        where = "custom.evallab.serve.source.hf.secret_ref"
        yield PathNamed(field=where, path=_plain(source.hf.secret_ref), kind="secret")
    if model.secret_ref:
        yield PathNamed(field="model.auth.secret_ref", path=_plain(model.secret_ref), kind="secret")
    for where, benchmark in _entries(job):
        yield from _of_benchmark(where, benchmark)


def _of_benchmark(where: str, benchmark: Benchmark) -> Iterator[PathNamed]:
    data = benchmark.test_data
    if data and data.path:
        yield PathNamed(field=f"{where}.test_data_ref.path", path=_plain(data.path), kind="data")
    if secret := data_secret(data):
        yield PathNamed(field=f"{where}.test_data_ref.secret_ref", path=_plain(secret), kind="secret")
    for text in _texts(benchmark.parameters.get(_CODE)):
        yield PathNamed(field=f"{where}.parameters.{_CODE}", path=_plain(text), kind="code")
    for name in _PATHS:
        for text in _texts(benchmark.parameters.get(name)):
            if _leads_out(text):
                yield PathNamed(field=f"{where}.parameters.{name}", path=_plain(text), kind="data")


def _texts(value: Any) -> Iterator[str]:
    """Yield every text inside a parameter, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _leads_out(text: str) -> bool:
    """Tell whether a text names something outside the adapter's own directory; a name on a hub or a URL does not."""
    if _REMOTE.fullmatch(text):
        return False
    return (
        text.startswith(("/", "~", "\\"))
        or bool(_SCHEME.match(text))
        or "::" in text
        or ".." in re.split(r"[/\\]", text)
    )


def _plain(path: str) -> str:
    return path.removeprefix("file://")


def _entries(job: EvalJob) -> Iterator[tuple[str, Benchmark]]:
    for index, benchmark in enumerate(job.benchmarks):
        yield f"benchmarks[{index}]", benchmark
    for index, benchmark in enumerate(job.collection.benchmarks if job.collection else ()):
        yield f"collection.benchmarks[{index}]", benchmark


def as_local(job: EvalJob) -> tuple[EvalJob, tuple[str, ...]]:
    """Return the job without the hardware that one computer does not hand out, and a warning for each such field.

    EvalHub's local mode accepts these fields and ignores them; here the answer says so.
    """
    warnings: list[str] = []
    update: dict[str, Any] = {"hardware": _kept(job.hardware, "", warnings, gpu=job.model.serve is not None)}
    update["benchmarks"] = tuple(
        _stripped(each, f"benchmarks[{index}].", warnings) for index, each in enumerate(job.benchmarks)
    )
    if job.collection:
        overrides = tuple(
            _stripped(each, f"collection.benchmarks[{index}].", warnings)
            for index, each in enumerate(job.collection.benchmarks)
        )
        update["collection"] = job.collection.model_copy(update={"benchmarks": overrides})
    return job.model_copy(update=update), tuple(warnings)


def _stripped(benchmark: Benchmark, where: str, warnings: list[str]) -> Benchmark:
    _kept(benchmark.hardware, where, warnings, gpu=False)
    return benchmark if benchmark.hardware is None else benchmark.model_copy(update={"hardware": None})


def _kept(hardware: Hardware | None, where: str, warnings: list[str], *, gpu: bool) -> Hardware | None:
    """Return what this computer honours: GPUs of a model that it serves."""
    if hardware is None:
        return None
    said = {
        "hardware_profile_name": hardware.profile,
        "queue": hardware.queue,
        "cpu": hardware.cpu,
        "memory": hardware.memory,
        "gpu": None if _reserved(hardware, gpu=gpu) else hardware.gpu,
    }
    names = [name for name, value in said.items() if value is not None]
    warnings += [f"{where}hardware_config.{name}: is not enforced on one computer" for name in names]
    return Hardware(gpu=hardware.gpu) if _reserved(hardware, gpu=gpu) else None


def _reserved(hardware: Hardware, *, gpu: bool) -> bool:
    return gpu and hardware.gpu is not None and hardware.gpu.name in {None, RESOURCE}
