"""The frame of every object that evallab makes for a job: kind, name, and the EvalJob that owns it."""

from typing import Any

from evallab.planning.cluster.plan import Owner

Json = dict[str, Any]
API, KIND = "evallab.dev/v1alpha1", "EvalJob"


def body(api_version: str, kind: str, name: str, owner: Owner, metadata: Json) -> Json:
    """Return an object without its content; it goes when its EvalJob goes."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": owner.namespace,
            **metadata,
            "ownerReferences": [
                {
                    "apiVersion": API,
                    "kind": KIND,
                    "name": owner.name,
                    "uid": owner.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
    }


def is_owned(found: Json, owner_uid: str) -> bool:
    """Say whether an object belongs to the EvalJob with that uid."""
    return any(each.get("uid") == owner_uid for each in found.get("metadata", {}).get("ownerReferences") or ())
