"""Events on an EvalJob, for `kubectl describe`: why one failed, once each, best effort.

One that completed has none: its status says so, and each event is a request more for the API server.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from evallab.controller.objects import Json, Known
from evallab.kubeapi.interface import EVALJOB, EVENT, AlreadyExists, ClusterApi, KubernetesUnavailable, Refused

log = logging.getLogger(__name__)
TOLD = {("Accepted", "False"), ("Failed", "True")}


async def tell(
    api: ClusterApi, known: Known, *, before: Mapping[str, Any], now: Mapping[str, Any], at: datetime
) -> None:
    """Make an event of what became so between two statuses."""
    for condition in news(before, now):
        try:
            await api.create(EVENT, known.namespace, event(known, condition, at))
        except AlreadyExists:
            continue
        except (Refused, KubernetesUnavailable) as error:
            log.info("no event", extra={"action": "tell", "job": known.uid, "reason": str(error)})


def news(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Json]:
    """Return the conditions worth an event that were not so before; of a job that never ran only why."""
    was = {(each["type"], each["status"]) for each in before.get("conditions") or ()}
    found = [
        each
        for each in now.get("conditions") or ()
        if (each["type"], each["status"]) in TOLD and (each["type"], each["status"]) not in was
    ]
    return [each for each in found if each["type"] == "Accepted"] or found


def event(known: Known, condition: Mapping[str, Any], at: datetime) -> Json:
    """Return the event; its name is always the same, so that it is there once."""
    moment = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {"name": f"{known.name}.{known.uid[:8]}.{condition['type'].lower()}", "namespace": known.namespace},
        "involvedObject": {
            "apiVersion": EVALJOB.api_version,
            "kind": EVALJOB.name,
            "namespace": known.namespace,
            "name": known.name,
            "uid": known.uid,
        },
        "type": "Warning",
        "reason": condition["reason"],
        "message": condition["message"] or condition["reason"],
        "source": {"component": "evallab-operator"},
        "reportingComponent": "evallab.dev/operator",
        "reportingInstance": "operator",
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
