"""What the API server itself refuses: CEL rules of the CRD, each with the sentence a person reads. Called by `crd`.

They say again what the models' validators say, so that `kubectl apply` answers at once; what only the operator can know
(a provider, a path on somebody's computer) becomes `Accepted=False` instead.
"""

from typing import Any

from evallab.api.patterns import DNS_LABEL

Rule = dict[str, Any]
MAX_NAME = 52
MUTABLE = ("suspend", "cancelled", "priority", "ttlSecondsAfterFinished")
_DATA = ("hf", "s3", "pvc", "git", "http", "path", "bundled")
_WEIGHTS = ("hf", "path", "pvc", "oci", "bundled")
_MODELS = ("url", "serve", "inProcess")


def rule(expression: str, message: str, **more: str) -> Rule:
    """Return a rule."""
    return {"rule": expression, "message": message, **more}


def on_object() -> list[Rule]:
    """Rules of the whole object. Pods, Jobs and Services get the name with something appended, hence its length."""
    return [
        rule(
            f"self.metadata.name.size() <= {MAX_NAME}",
            f"metadata.name may have at most {MAX_NAME} characters: the names of the job's pods are made from it",
        ),
        rule(
            f"self.metadata.name.matches('{DNS_LABEL}')",
            "metadata.name may hold lower-case letters, digits and '-', and begins and ends with a letter or digit",
        ),
    ]


def on_spec(fields: tuple[str, ...], required: frozenset[str]) -> list[Rule]:
    """Rules of the spec, whose fields (and which of them are always there) the model says."""
    immutable = [_immutable(name, needed=name in required) for name in fields if name not in MUTABLE]
    return [
        rule(_one_list("self"), "give exactly one of benchmarks (at least one) and collection"),
        rule(
            f"{_any('self.model', _MODELS)} || ({_some_data()} && {_recorded('self.benchmarks')}"
            f" && (!has(self.collection) || {_recorded('self.collection.benchmarks')}))",
            "give exactly one of url, serve, inProcess (none is needed only when all data is PreRecordedData)",
            fieldPath=".model",
        ),
        rule(
            "!oldSelf.cancelled || self.cancelled",
            "a cancelled job stays cancelled; to run it again make a new EvalJob",
            fieldPath=".cancelled",
        ),
        *immutable,
    ]


def on_model() -> list[Rule]:
    """Rules of spec.model; that one way is needed is a rule of the spec, which knows the data."""
    return [rule(_at_most_one("self", _MODELS), "give exactly one of url, serve, inProcess; found several")]


def on_data() -> list[Rule]:
    """Rules of testDataRef."""
    return [rule(_exactly_one("self", _DATA), f"give exactly one of {', '.join(_DATA)}")]


def on_weights() -> list[Rule]:
    """Rules of model.serve.source."""
    return [rule(_exactly_one("self", _WEIGHTS), f"give exactly one of {', '.join(_WEIGHTS)}")]


def on_hardware() -> list[Rule]:
    """Rules of hardwareConfig."""
    others = ("gpu", "cpu", "memory", "queue")
    return [
        rule(
            f"!has(self.hardwareProfileName) || !({_any('self', others)})",
            f"hardwareProfileName cannot be combined with {', '.join(others[:-1])} or {others[-1]}",
        )
    ]


def _immutable(name: str, *, needed: bool) -> Rule:
    here, before = f"self.{name}", f"oldSelf.{name}"
    same = f"{here} == {before}"
    expression = same if needed else f"has({here}) == has({before}) && (!has({here}) || {same})"
    allowed = f"{', '.join(MUTABLE[:-1])} and {MUTABLE[-1]}"
    message = f"{name} cannot be changed, only {allowed} can; make a new EvalJob instead"
    return rule(expression, message, fieldPath=f".{name}")


def _given(place: str, names: tuple[str, ...]) -> str:
    return f"[{', '.join(f'has({place}.{name})' for name in names)}]"


def _any(place: str, names: tuple[str, ...]) -> str:
    return " || ".join(f"has({place}.{name})" for name in names)


def _at_most_one(place: str, names: tuple[str, ...]) -> str:
    return f"{_given(place, names)}.filter(given, given).size() <= 1"


def _exactly_one(place: str, names: tuple[str, ...]) -> str:
    return f"{_given(place, names)}.filter(given, given).size() == 1"


def _one_list(place: str) -> str:
    return f"(has({place}.benchmarks) && {place}.benchmarks.size() > 0) != has({place}.collection)"


def _some_data() -> str:
    overrides = "(has(self.collection) && has(self.collection.benchmarks) && self.collection.benchmarks.size() > 0)"
    return f"((has(self.benchmarks) && self.benchmarks.size() > 0) || {overrides})"


def _recorded(place: str) -> str:
    each = "has(b.testDataRef) && has(b.testDataRef.type) && b.testDataRef.type == 'PreRecordedData'"
    return f"(!has({place}) || {place}.all(b, {each}))"
