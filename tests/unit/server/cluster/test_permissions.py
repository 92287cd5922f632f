"""Which permission a request needs, and which hosts are answered."""

import pytest

from evallab.server.boundary_rules import answers_host
from evallab.server.cluster.hosts import cluster_rules, service_names
from evallab.server.cluster.permissions import OPEN, Permission, needed
from evallab.server.config import ServerConfig
from evallab.server.routing import EVERY

JOBS, JOB = "/api/v1/evaluations/jobs", "/api/v1/evaluations/jobs/1"


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", JOBS, "list evaljobs.evallab.dev"),
        ("POST", JOBS, "create evaljobs.evallab.dev"),
        ("GET", JOB, "get evaljobs.evallab.dev"),
        ("GET", f"{JOB}/logs", "get evaljobs.evallab.dev"),
        ("GET", f"{JOB}/artifacts/1", "get evaljobs.evallab.dev"),
        ("DELETE", JOB, "delete evaljobs.evallab.dev"),
        ("POST", f"{JOB}/events", "create evaljobs/events.evallab.dev"),
        ("POST", f"{JOB}/resume", "update evaljobs.evallab.dev"),
        ("POST", f"{JOB}/suspend", "update evaljobs.evallab.dev"),
        ("GET", "/api/v1/evaluations/providers", "list providers.evallab.dev"),
        ("PUT", "/api/v1/evaluations/providers/p", "update providers.evallab.dev"),
        ("PATCH", "/api/v1/evaluations/collections/c", "patch collections.evallab.dev"),
        ("POST", "/api/v1/evaluations/collections/c/clones", "create collections.evallab.dev"),
        ("GET", "/api/v1/evaluations/else", "list evaljobs.evallab.dev"),
        ("GET", "/somewhere", "get evaljobs.evallab.dev"),
        ("BREW", JOB, "update evaljobs.evallab.dev"),
    ],
)
def test_what_a_request_needs(method: str, path: str, permission: str) -> None:
    assert str(needed(method, path)) == permission


def test_only_what_says_nothing_of_jobs_is_open() -> None:
    opened = {each.path for each in EVERY if needed(each.method, each.path) is None}
    assert opened == OPEN
    assert needed("GET", "/metrics/") == Permission("get", "evaljobs")


def test_a_service_has_four_names() -> None:
    four = frozenset({"evallab", "evallab.lab", "evallab.lab.svc", "evallab.lab.svc.cluster.local"})
    assert service_names("evallab.lab.svc") == service_names("evallab.lab") == four
    assert service_names("evallab") == frozenset({"evallab"})
    assert service_names("evallab.example.com") == frozenset({"evallab.example.com"})


def test_hosts_matter_only_where_nobody_shows_a_token() -> None:
    shown = ServerConfig.model_validate({"service": {"host": "0.0.0.0"}})
    nobody = ServerConfig.model_validate({"service": {"host": "0.0.0.0"}, "evallab": {"auth": {"mode": "none"}}})
    hosts = ("evallab.lab.svc:8080", "10.0.0.9:8080", "localhost:1234", "evil.example", "not a host")
    answered = [
        [answers_host(cluster_rules(config, "http://evallab.lab.svc:8080"), host) for host in hosts]
        for config in (shown, nobody)
    ]
    assert answered == [[True, True, True, True, False], [True, True, True, False, False]]
