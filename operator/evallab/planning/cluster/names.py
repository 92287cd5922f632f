"""Names of the objects of a job: valid for any id, different for different ids, readable as far as there is room.

Every name ends with a part of a hash over everything that makes the object different from others. A Job's name goes
into a label and, with a suffix, into its pods' names; a Service's name is a DNS label that begins with a letter.
"""

import hashlib
import re

from evallab.planning.cluster.plan import Owner

JOB_NAME = 52  #: characters that a Job's name may have: pods add up to eleven
_HASH = 10


def attempt_job(owner: Owner, *, index: int, number: int, attempt_id: str) -> str:
    """Return the name of the Job of one attempt."""
    return _named(owner.name, f"{index}-{number}", owner.namespace, owner.uid, attempt_id)


def attempt_config(job_name: str) -> str:
    """Return the name of the ConfigMap of the attempt whose Job is called so."""
    return job_name


def attempt_policy(job_name: str) -> str:
    """Return the name of the NetworkPolicy of the attempt whose Job is called so."""
    return job_name


def server_job(owner: Owner, *, start: int) -> str:
    """Return the name of the Job of a job's model server; every start has its own."""
    return _named(owner.name, f"model-{start}", owner.namespace, owner.uid, "model-server", str(start))


def server_service(owner: Owner) -> str:
    """Return the name of the Service before a job's model server, the same for all starts."""
    return _named(owner.name, "model", owner.namespace, owner.uid, "model-server")


def server_policy(owner: Owner) -> str:
    """Return the name of the NetworkPolicy of a job's model server."""
    return server_service(owner)


def slug(text: str, *, most: int) -> str:
    """Return `text` as the beginning of a DNS label: lower case, letters first, never empty."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    named = plain if plain[:1].isalpha() else f"e-{plain}".strip("-")
    return named[:most].strip("-")


def digest(*parts: str) -> str:
    """Return a short hash over parts, whose borders count."""
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]


def _named(readable: str, middle: str, *distinct: str) -> str:
    end = f"-{middle}-{digest(*distinct)}"
    return slug(readable, most=JOB_NAME - len(end)) + end
