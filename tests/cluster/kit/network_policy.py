"""network_policy.py API_URL TOKEN_FILE CA_FILE DNS_ADDRESS: enforce NetworkPolicies in the node with nftables.

Follows policies, pods and namespaces through watches and writes one nft table anew after every change. All traffic of
pods is routed (CNI plugin ptp), so the forward hook sees it after kube-proxy chose a pod; the input hook sees traffic
to the node itself (DNS). Refused connections are rejected, not dropped, so that tests fail fast. Not covered: SCTP,
IPv6, and the moment between a pod's start and the publication of its address. Started by kit/node-up.
"""

import ipaddress
import json
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, cast

Json = dict[str, Any]
RESOURCES = {
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
}
DIRECTIONS = {"ingress": ("daddr", "saddr", "from"), "egress": ("saddr", "daddr", "to")}


@dataclass(frozen=True)
class Server:
    """The API server, with the credentials of an administrator."""

    url: str
    token: str
    tls: ssl.SSLContext

    def open(self, path: str) -> HTTPResponse:
        """Ask for something."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.token}"})
        return cast("HTTPResponse", urllib.request.urlopen(request, context=self.tls, timeout=330))


@dataclass
class Mirror:
    """What the API server has, by kind and uid."""

    objects: dict[str, dict[str, Json]] = field(default_factory=lambda: {kind: {} for kind in RESOURCES})
    lock: threading.Lock = field(default_factory=threading.Lock)
    changed: threading.Event = field(default_factory=threading.Event)

    def follow(self, kind: str, server: Server) -> None:
        """Keep a kind as the API server has it: list, watch, and again when the watch ends."""
        while True:
            try:
                self._once(kind, server)
            except OSError as error:
                sys.stderr.write(f"{kind}: {error}\n")
                time.sleep(1)

    def _once(self, kind: str, server: Server) -> None:
        with server.open(RESOURCES[kind]) as response:
            listing = json.load(response)
        with self.lock:
            self.objects[kind] = {item["metadata"]["uid"]: item for item in listing["items"]}
        self.changed.set()
        version = listing["metadata"]["resourceVersion"]
        with server.open(f"{RESOURCES[kind]}?watch=1&timeoutSeconds=300&resourceVersion={version}") as events:
            for event in map(json.loads, events):
                if event["type"] == "ERROR":
                    return
                self._take(kind, event["type"], event["object"])

    def _take(self, kind: str, change: str, item: Json) -> None:
        with self.lock:
            if change == "DELETED":
                self.objects[kind].pop(item["metadata"]["uid"], None)
            else:
                self.objects[kind][item["metadata"]["uid"]] = item
        self.changed.set()


@dataclass(frozen=True)
class Pod:
    """What the rules need to know about a pod; `ports` by name."""

    namespace: str
    labels: dict[str, str]
    address: str
    ports: dict[str, int]


@dataclass(frozen=True)
class View:
    """One moment of the cluster; the first pod stands for DNS on the node."""

    pods: list[Pod]
    namespaces: dict[str, dict[str, str]]  #: labels by name
    policies: list[Json]


def selects(selector: Json, labels: dict[str, str]) -> bool:
    """Tell whether a label selector matches; an empty one matches everything."""
    equal = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return equal and all(term_holds(term, labels) for term in selector.get("matchExpressions", []))


def term_holds(term: Json, labels: dict[str, str]) -> bool:
    """Tell whether one matchExpression holds."""
    present, among = term["key"] in labels, labels.get(term["key"]) in term.get("values", [])
    return {"In": among, "NotIn": not among, "Exists": present, "DoesNotExist": not present}[term["operator"]]


def pod_of(item: Json) -> Pod | None:
    """Return a pod that has an address of its own and runs."""
    spec, status, meta = item["spec"], item.get("status", {}), item["metadata"]
    if spec.get("hostNetwork") or not status.get("podIP") or status.get("phase") in ("Succeeded", "Failed"):
        return None
    containers = spec.get("initContainers", []) + spec["containers"]
    declared = [port for container in containers for port in container.get("ports", [])]
    ports = {port["name"]: port["containerPort"] for port in declared if "name" in port}
    return Pod(meta["namespace"], meta.get("labels", {}), status["podIP"], ports)


def view(mirror: Mirror, dns_address: str) -> View:
    """Look at the mirror."""
    dns = Pod("kube-system", {"k8s-app": "kube-dns"}, dns_address, {"dns": 53, "dns-tcp": 53})
    with mirror.lock:
        pods = [dns, *filter(None, map(pod_of, mirror.objects["pods"].values()))]
        spaces = [item["metadata"] for item in mirror.objects["namespaces"].values()]
        policies = list(mirror.objects["policies"].values())
    return View(pods, {space["name"]: space.get("labels", {}) for space in spaces}, policies)


def peers(peer: Json, own_namespace: str, seen: View) -> list[Pod]:
    """Return the pods that a peer of a rule means."""
    if "namespaceSelector" in peer:
        wanted = peer["namespaceSelector"] or {}
        near = [pod for pod in seen.pods if selects(wanted, seen.namespaces.get(pod.namespace, {}))]
    else:
        near = [pod for pod in seen.pods if pod.namespace == own_namespace]
    return [pod for pod in near if selects(peer.get("podSelector") or {}, pod.labels)]


def port_matches(ports: list[Json], target: Pod | None) -> list[str]:
    """Turn a rule's ports into matches; [""] means any port, [] none."""
    return [match for port in ports if (match := port_match(port, target))] if ports else [""]


def port_match(port: Json, target: Pod | None) -> str | None:
    """Turn one port into a match; None when its name means nothing here."""
    protocol, number = port.get("protocol", "TCP").lower(), port.get("port")
    if number is None:
        return f"meta l4proto {protocol} "
    if isinstance(number, str):
        number = target.ports.get(number) if target else None
    end = f"-{port['endPort']}" if "endPort" in port else ""
    return None if number is None else f"{protocol} dport {number}{end} "


def block_rules(block: Json, other_side: str, matches: list[str]) -> list[str]:
    """Rules that let the traffic of an address block through."""
    if ipaddress.ip_network(block["cidr"]).version == 6:
        return []
    holes = "".join(f"ip {other_side} != {hole} " for hole in block.get("except", []))
    return [f"ip {other_side} {block['cidr']} {holes}{match}return" for match in matches]


def rules_of(pod: Pod, policy: Json, direction: str, seen: View) -> list[str]:
    """Rules that let one policy's traffic of one pod through ("return" leaves the pod's chain)."""
    _, other_side, key = DIRECTIONS[direction]
    own = pod if direction == "ingress" else None  # whose named ports a rule without pods means
    rules: list[str] = []
    for rule in policy["spec"].get(direction, []):
        ports = rule.get("ports", [])
        if not rule.get(key):
            rules += [f"{match}return" for match in port_matches(ports, own)]
        for peer in rule.get(key, []):
            if "ipBlock" in peer:
                rules += block_rules(peer["ipBlock"], other_side, port_matches(ports, own))
                continue
            for other in peers(peer, policy["metadata"]["namespace"], seen):
                matches = port_matches(ports, own or other)
                rules += [f"ip {other_side} {other.address} {match}return" for match in matches]
    return rules


def applies(policy: Json, pod: Pod, direction: str) -> bool:
    """Tell whether a policy restricts a pod's traffic in a direction."""
    spec = policy["spec"]
    here = policy["metadata"]["namespace"] == pod.namespace
    meant = direction.capitalize() in spec.get("policyTypes", ["Ingress"])
    return here and meant and selects(spec.get("podSelector", {}), pod.labels)


def table(seen: View) -> str:
    """Return the whole nft table."""
    chains: list[str] = []
    jumps: dict[str, list[str]] = {direction: [] for direction in DIRECTIONS}
    for pod in seen.pods[1:]:
        for direction, (own_side, _, _) in DIRECTIONS.items():
            applying = [policy for policy in seen.policies if applies(policy, pod, direction)]
            if not applying:
                continue
            name = f"{direction}-{pod.address.replace('.', '-')}"
            rules = dict.fromkeys(rule for policy in applying for rule in rules_of(pod, policy, direction, seen))
            chains.append(f"chain {name} {{ {'; '.join([*rules, 'reject'])}; }}")
            jumps[direction].append(f"ip {own_side} {pod.address} jump {name}")
    established = "ct state established,related accept"
    forward = "; ".join([established, *jumps["egress"], *jumps["ingress"]])
    to_node = "; ".join([established, *jumps["egress"]])
    hooks = [
        f"chain forward {{ type filter hook forward priority -5; {forward}; }}",
        f"chain input {{ type filter hook input priority -5; {to_node}; }}",
    ]
    start = ["table ip network-policy", "delete table ip network-policy", "table ip network-policy {"]
    return "\n".join([*start, *chains, *hooks, "}"])


def main() -> None:
    """Follow, and write the table whenever it would be another one."""
    url, token_file, ca_file, dns_address = sys.argv[1:]
    token = Path(token_file).read_text(encoding="ascii").split(",")[0].strip()
    server, mirror = Server(url, token, ssl.create_default_context(cafile=ca_file)), Mirror()
    for kind in RESOURCES:
        threading.Thread(target=mirror.follow, args=(kind, server), daemon=True).start()
    previous = ""
    while True:
        mirror.changed.wait()
        mirror.changed.clear()
        rules = table(view(mirror, dns_address))
        if rules != previous:
            subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
            previous = rules
        time.sleep(0.02)


if __name__ == "__main__":
    main()
