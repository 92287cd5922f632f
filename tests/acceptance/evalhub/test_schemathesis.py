"""schemathesis against the API description of a live server: no crash, and answers that are what the description says.

Requests are made of the description, of real ids in half of the cases so that handlers are reached and not only 404.
The same requests every time (`derandomize`), a few per operation: the search for more is for those who have an hour.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.acceptance.evalhub.hostile import COLLECTIONS, PROVIDERS, served
from tests.acceptance.evalhub.running import JOBS, Server

#: Left out, because the description does not promise it: that every body it allows is taken (a provider may not exist,
#: a path may not be allowed: `positive_data_acceptance`), and that every other one is refused (as EvalHub, the server
#: ignores fields, headers and parameters that it does not know: `negative_data_rejection`).
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
#: In OpenAPI 3.1 the schema of a stream is that of its whole text; schemathesis holds single events against it.
STREAM = tuple(each for each in CHECKS if each is not response_schema_conformance)
EXAMPLES = 15
SECONDS = 20
Ids = dict[str, list[str]]
#: A job of this computer cannot pause; the others need names of a series, or of a second job, that nobody can guess.
REFUSED = [
    "GET /api/v1/evaluations/history",
    f"GET {JOBS}/{{job_id}}/provenance/difference",
    f"GET {JOBS}/{{job_id}}/reproductions/{{repetition_id}}",
    f"POST {JOBS}/{{job_id}}/suspend",
]
QUIET = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Described:
    """A server with something of everything, and where it is."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.ended = server.submit({"id": "a", "provider_id": "plain", "parameters": {"acc": 1}})
        self.running = self.sleeping()
        self.failed = server.submit({"id": "x", "provider_id": "nolocal"}, custom={"evallab": {"retries": 0}})
        server.finished(self.ended)
        server.finished(self.failed)
        files = f"{JOBS}/{self.ended}/artifacts"
        self.files = [each["id"] for each in server.until(lambda: server.get(files).body["items"], what="its files")]
        self.provider, self.collection = self.new_provider(), self.new_collection()

    def sleeping(self) -> str:
        return self.server.submit({"id": "z", "provider_id": "sleeper"})

    def new_provider(self) -> str:
        made = self.server.request("POST", PROVIDERS, {"name": "p", "benchmarks": [{"id": "q"}]})
        return str(made.body["resource"]["id"])

    def new_collection(self) -> str:
        return str(self.server.request("POST", f"{COLLECTIONS}/mini/clones", {}).body["resource"]["id"])

    def ids(self, operation: Any) -> Ids:
        """Return ids for an operation: of its own to delete, of what has ended where one could follow for ever."""
        if operation.method == "delete":
            made = [self.sleeping()], [self.new_provider()], [self.new_collection()]
            return dict(zip(("job_id", "provider_id", "collection_id"), made, strict=True))
        last = operation.path.rpartition("/")[2]
        own = {"resume": self.failed, "events": self.running, "stream": self.ended, "logs": self.ended}
        own["{artifact_id}"] = self.ended
        return {
            "job_id": [own[last]] if last in own else [self.ended, self.running],
            "provider_id": [self.provider, "plain"],
            "collection_id": [self.collection, "mini"],
            "artifact_id": self.files,
            "benchmark_index": ["0"],
        }


@pytest.fixture(scope="module")
def described() -> Iterator[Described]:
    """A server to try."""
    with served() as server:
        yield Described(server)


def test_no_request_of_the_description_breaks_the_server(described: Described) -> None:
    server = described.server
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.yaml")
    operations: list[Any] = [each.ok() for each in schema.get_all_operations()]  # type: ignore[union-attr]
    assert len(operations) > 30
    statuses = {each.label: tried(each, server, described.ids(each)) for each in operations}
    refused = [label for label, found in statuses.items() if not any(status < 400 for status in found)]
    assert sorted(refused) == REFUSED
    assert server.get("/readyz").status == 200
    assert '"level": "ERROR"' not in server.log.read_text()


def refer(case: Any) -> None:
    """Have a body name what is there."""
    if case.method != "POST" or not isinstance(case.body, dict):
        return
    if isinstance(event := case.body.get("benchmark_status_event"), dict):
        event |= {"provider_id": "sleeper", "id": "z", "benchmark_index": 0, "status": "running"}
    if case.path == JOBS:
        for name in ("collection", "experiment", "exports", "custom"):
            case.body.pop(name, None)
        case.body["model"] = {"url": "http://127.0.0.1:9/v1", "name": "m"}
        case.body["benchmarks"] = [{"provider_id": "plain", "id": "a", "parameters": {"acc": 1}}]


def tried(operation: Any, server: Server, known: Ids) -> set[int]:
    """Try one operation; return the statuses that came."""
    turns, found = itertools.count(), set[int]()
    checks = STREAM if operation.path.endswith("/stream") else CHECKS

    @QUIET
    @hypothesis.given(case=operation.as_strategy())
    def attempt(case: Any) -> None:
        turn = next(turns)
        given = case.path_parameters or {}
        if turn % 2 == 0:
            given.update({name: known[name][turn // 2 % len(known[name])] for name in given if name in known})
            refer(case)
        if turn == 0:
            case.query = {}
        response = case.call(base_url=server.url, timeout=SECONDS)
        found.add(response.status_code)
        case.validate_response(response, checks=checks)

    attempt()
    return found
