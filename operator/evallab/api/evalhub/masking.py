"""Values of variables that nobody is shown: those whose name speaks of a secret, and URLs with a password.

EvalHub shows a provider's variables as they are. Here whoever reads a provider over REST gets `***` for such a value;
what comes back as `***` in a PUT or PATCH stays what it was. Pure; `provider` masks, the routes of providers unmask.
"""

import re
from typing import TypeVar

from evallab.api.provider import EnvVar, K8sRuntime, LocalRuntime, Provider

MASK = "***"
Runtime = TypeVar("Runtime", LocalRuntime | None, K8sRuntime | None)
_SECRET = re.compile(
    r"token(?!iz|s)|secret|passw|passphrase|credential|api_?key|access_?key|private_?key|_key$|^key$|_pat$|auth$",
    re.IGNORECASE,
)
_PLACE = re.compile(r"_(path|file|dir)$", re.IGNORECASE)
_LOGIN = re.compile(r"://[^/\s@]*:[^/\s@]*@")


def masked(variable: EnvVar) -> str:
    """Return what is shown of a variable's value."""
    named = _SECRET.search(variable.name) and not _PLACE.search(variable.name)
    return MASK if variable.value and (named or _LOGIN.search(variable.value)) else variable.value


def unmasked(after: Provider, before: Provider) -> Provider:
    """Return the changed provider; values that were only ever seen masked are what they were."""
    new, old = after.runtime, before.runtime
    if new is None or old is None:
        return after
    runtime = new.model_copy(update={"local": _restored(new.local, old.local), "k8s": _restored(new.k8s, old.k8s)})
    return after.model_copy(update={"runtime": runtime})


def _restored(new: Runtime, old: Runtime) -> Runtime:
    if new is None or old is None:
        return new
    known = {each.name: each for each in old.env}
    env = tuple(known.get(each.name, each) if each.value == MASK else each for each in new.env)
    return new.model_copy(update={"env": env})
