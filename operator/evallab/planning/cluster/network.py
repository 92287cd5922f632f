"""Network profiles as NetworkPolicies: what the pods of an attempt and of a model server may reach.

A policy holds for a whole pod, so the sidecar's ways to the server are open to the adapter too (which has no token).
Every profile keeps DNS and evallab's server open; nothing may come in, except to a model server: from its own attempts,
and from the operator, which asks it fixed prompts and its counters.

    None        nothing else, but for the model server that evallab started for the job
    ModelOnly   the model, too; of one outside the cluster only the port is known, for policies know no host names
    Internet    everything
"""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from evallab.planning.cluster import labels, names
from evallab.planning.cluster.objects import body
from evallab.planning.cluster.plan import AttemptPlan, ClusterConfig, Owner, ServerPlan

Json = dict[str, Any]
_DNS: Json = {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}
_NAMESPACE = "kubernetes.io/metadata.name"


def profile(network: str | None, config: ClusterConfig) -> str | None:
    """Return the profile that is enforced for a job, None when there is none."""
    return (network or config.default_network) if config.network_policies else None


def of_attempt(plan: AttemptPlan, config: ClusterConfig, job_name: str) -> Json | None:
    """Return the policy of an attempt's pod, None without a profile."""
    named = profile(plan.job.network, config)
    if named is None:
        return None
    spec = _policy(labels.of_attempt(plan), ingress=[], egress=_ways_out(plan, config, named))
    metadata = {"labels": labels.of_attempt(plan), "annotations": labels.notes_of_attempt(plan)}
    return _object(plan.owner, names.attempt_policy(job_name), metadata, spec)


def of_server(plan: ServerPlan, config: ClusterConfig) -> Json | None:
    """Return the policy of a model server's pod: attempts and operator come in, and weights from a hub are fetched."""
    named = profile(plan.job.network, config)
    if named is None:
        return None
    source = plan.job.model.serve.source if plan.job.model.serve else None
    fetches = named == "Internet" or bool(source and source.hf)
    own = {key: said for key, said in labels.of_server(plan).items() if key != labels.ROLE}
    asks = {"podSelector": {"matchLabels": {**own, labels.ROLE: labels.ATTEMPT_ROLE}}}
    watches = [_pods(config.server_namespace, dict(config.operator_labels))] if config.operator_labels else []
    ingress = [{"from": [asks, *watches], "ports": [{"protocol": "TCP", "port": plan.port}]}]
    spec = _policy(labels.of_server(plan), ingress=ingress, egress=[{}] if fetches else [_DNS])
    metadata = {"labels": labels.of_server(plan), "annotations": labels.notes_of_server(plan)}
    return _object(plan.owner, names.server_policy(plan.owner), metadata, spec)


def _ways_out(plan: AttemptPlan, config: ClusterConfig, named: str) -> list[Json]:
    if named == "Internet":
        return [{}]
    ways = [_DNS, _server(config)]
    if plan.job.model.serve:
        ways.append({"to": [{"podSelector": {"matchLabels": labels.server_selector(plan.owner)}}]})
    elif plan.model_url and named == "ModelOnly":
        ways.append(_endpoint(plan.model_url, plan.owner.namespace))
    return ways


def _server(config: ClusterConfig) -> Json:
    """The way to evallab's server: its pods, or what its URL says when it is no Service of the cluster."""
    host = urlsplit(config.server_url).hostname or ""
    if not _service(host):
        return _endpoint(config.server_url, config.server_namespace)
    return {"to": [_pods(config.server_namespace, dict(config.server_labels))]}


def _endpoint(url: str, namespace: str) -> Json:
    """The way to a URL. A Service's port says nothing of its pods' ports: the whole namespace is open then."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if service := _service(host):
        return {"to": [_pods(service[1] if len(service) > 1 else namespace, {})]}
    ports = [{"protocol": "TCP", "port": parts.port or (443 if parts.scheme == "https" else 80)}]
    blocks = _blocks(host)
    return {"to": [{"ipBlock": {"cidr": block}} for block in blocks], "ports": ports}


def _pods(namespace: str, selected: dict[str, str]) -> Json:
    found: Json = {"namespaceSelector": {"matchLabels": {_NAMESPACE: namespace}}}
    return found | {"podSelector": {"matchLabels": selected}} if selected else found


def _service(host: str) -> list[str]:
    """Return name and namespace of a Service by its host name, [] for any other host."""
    parts = host.removesuffix(".").removesuffix(".cluster.local").split(".")
    if len(parts) == 1:
        return parts if parts[0] and not _is_address(host) else []
    return parts[:2] if len(parts) == 3 and parts[2] == "svc" else []


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _blocks(host: str) -> list[str]:
    if not _is_address(host):
        return ["0.0.0.0/0", "::/0"]
    return [str(ipaddress.ip_network(host))]


def _policy(selected: dict[str, str], *, ingress: list[Json], egress: list[Json]) -> Json:
    return {
        "podSelector": {"matchLabels": selected},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ingress,
        "egress": egress,
    }


def _object(owner: Owner, name: str, metadata: Json, spec: Json) -> Json:
    return body("networking.k8s.io/v1", "NetworkPolicy", name, owner, metadata) | {"spec": spec}
