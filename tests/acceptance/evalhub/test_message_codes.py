"""Every code of the contract that one computer can give, provoked: status, code, and the text where it is fixed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.acceptance.evalhub.hostile import COLLECTIONS, EVIL, PROVIDERS, job, page, refused, served
from tests.acceptance.evalhub.running import JOBS, Answer, Server

from evallab.api.evalhub.errors import CATALOGUE

AGAIN = "Please check the request and try again."
HARNESS = {"id": "gsm8k", "provider_id": "lm_evaluation_harness"}
LISTED = "limit, offset, status, name, tags, owner, experiment_id"
#: What is not provoked here, and why.
ELSEWHERE = {
    # the routes do not match without their parameter; tenants and users are optional on one's own computer
    "missing_path_parameter", "missing_tenant_header", "missing_user_header",
    # said by a job, not by an answer: the provider's command is looked for when the attempt starts
    "local_runtime_not_enabled",
    # ids are made by the server; a job always has a benchmark
    "provider_id_not_unique", "evaluation_job_empty",
    # MLflow and clusters are not in this version
    "mlflow_request_failed", "hardware_profile_disabled", "hardware_profile_invalid", "hardware_profile_not_found",
    "hardware_profile_fetch_failed", "not_implemented",
    # secrets are directories below evallab.rest.secret_roots here; another one is not_allowed_over_rest
    "invalid_secret_ref_uri", "invalid_secret_ref_parse",
    # mistakes of ours
    "configuration_failed", "json_unmarshalling_failed", "database_operation_failed", "query_failed",
    "internal_server_error", "unknown_error",
    # test_defects, test_bad_input, test_security_adapters (tokens), and a full disk in the tests of the receiver
    "queue_full", "request_timeout", "invalid_callback_token", "insufficient_storage",
    # a Postgres that goes away, and files that retention removed, have tests of their own
    "service_unavailable", "artifact_gone",
    # the door of attempts in a cluster (tests/integration/server/attempts)
    "leavings_too_large", "attempt_gone",
    # who asks a server in a cluster (tests/cluster/server)
    "unauthenticated", "forbidden", "refused_by_cluster",
}  # fmt: skip


@pytest.fixture(scope="module")
def bounded() -> Iterator[Server]:
    """A server with a job that has ended, and one that runs."""
    with served() as server:
        (server.config / "collections" / "none.yaml").write_text("id: none\nname: N\ncategory: c\nbenchmarks: []\n")
        server.until(lambda: server.get(f"{COLLECTIONS}/none").status == 200, what="the collection")
        server.request("POST", JOBS, job(), headers={"Idempotency-Key": "used"})
        yield server


def invalid(detail: str) -> str:
    return f"The request JSON is invalid: '{detail}'. {AGAIN}"


def failed(detail: str) -> str:
    return f"The request validation failed: '{detail}'. {AGAIN}"


def tag(field: str, tag: str, name: str = "") -> str:
    name = name or field.rpartition(".")[2]
    return failed(f"Key: 'EvaluationJobConfig.{field}' Error:Field validation for '{name}' failed on the '{tag}' tag")


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in job().items() if key != name}


Provoked = tuple[str, str, str, Any, str | None]
TABLE: list[Provoked] = [
    ("resource_not_found", "GET", f"{JOBS}/x", None, "The evaluation job resource 'x' was not found."),
    ("resource_not_found", "GET", f"{PROVIDERS}/x", None, "The provider resource 'x' was not found."),
    ("resource_not_found", "GET", f"{COLLECTIONS}/x", None, "The collection resource 'x' was not found."),
    ("resource_not_found", "GET", "{job}/benchmarks/7/logs", None, "The benchmark resource '7' was not found."),
    ("resource_not_found", "POST", JOBS, job({"id": "a", "provider_id": "zz"}),
     "The provider resource 'zz' was not found."),
    ("resource_does_not_exist", "POST", JOBS, job({"id": "zz", "provider_id": "plain"}),
     "The benchmark with id 'zz' does not exist."),
    ("resource_does_not_exist", "POST", JOBS,
     without("benchmarks") | {"collection": {"id": "mini", "benchmarks": [{"id": "a", "provider_id": "zzz"}]}},
     "The provider with id 'zzz' does not exist."),
    ("collection_empty", "POST", JOBS, without("benchmarks") | {"collection": {"id": "none"}},
     "The collection 'none' has no benchmarks."),
    ("query_parameter_required", "GET", "{job}/logs?since_seconds=", None,
     "The query parameter 'since_seconds' is required."),
    ("query_parameter_invalid", "GET", f"{JOBS}?limit=abc", None,
     "The query parameter 'limit' is not a valid integer: 'abc'."),
    ("query_parameter_invalid", "GET", f"{JOBS}?limit=-1", None,
     "The query parameter 'limit' is not a valid positive integer: '-1'."),
    ("query_parameter_invalid", "GET", "{job}/logs?tail_lines=0", None,
     "The query parameter 'tail_lines' is not a valid integer between 1 and 10000, or -1 for all lines: '0'."),
    ("query_parameter_value_invalid", "GET", f"{PROVIDERS}?scope=x", None,
     "The query parameter 'scope' is not valid. Allowed values are: 'system|tenant'."),
    ("query_bad_parameter", "GET", f"{JOBS}?foo=1", None,
     f"The parameter 'foo' is not a valid query parameter. Allowed parameters are: {LISTED}."),
    ("query_parameter_mismatch", "GET", f"{PROVIDERS}?scope=system&owner=me", None,
     "The query parameters 'owner,scope' are mutually exclusive."),
    ("invalid_json_request", "POST", JOBS, b"", invalid("the body is empty")),
    ("invalid_json_request", "POST", JOBS, job(name=5), invalid(
        "json: cannot unmarshal number into Go struct field EvaluationJobConfig.name of type string")),
    ("request_validation_failed", "POST", JOBS, job(name=""), tag("name", "required")),
    ("request_validation_failed", "POST", JOBS, job({"provider_id": "plain"}),
     tag("benchmarks[0].Ref.id", "required", "id")),
    ("request_validation_failed", "POST", JOBS, without("benchmarks"), None),
    ("request_validation_failed", "POST", JOBS, job(model={"url": "x", "name": "m"}), tag("model.url", "url")),
    ("request_body_too_large", "POST", JOBS, b"x" * (10 * 2**20 + 1),
     "The request body is larger than the allowed 10485760 bytes."),
    ("model_url_required", "POST", JOBS, job(model={"url": "", "name": "m"}),
     "The model URL is required when not all benchmarks have pre-recorded data."),
    ("resolved_sha_read_only", "POST", JOBS,
     job(HARNESS | {"test_data_ref": {"hf": {"repo_id": "a/b"}, "resolved_sha": "x"}}),
     "The field 'resolved_sha' is read-only and must not be set on create."),
    ("read_only_provider", "DELETE", f"{PROVIDERS}/plain", None, "Provider 'plain' cannot be modified or deleted."),
    ("read_only_provider", "PUT", f"{PROVIDERS}/plain", {}, "Provider 'plain' cannot be modified or deleted."),
    ("read_only_collection", "PATCH", f"{COLLECTIONS}/mini", [], "Collection 'mini' cannot be modified or deleted."),
    ("invalid_patch_operation", "PATCH", "{provider}", [{"op": "test", "path": "/name"}],
     "The patch operation 'test' is not valid. Allowed operations are: replace, add, remove."),
    ("unallowed_patch", "PATCH", "{provider}", [{"op": "remove", "path": "/name"}],
     "The operation 'remove' is not allowed for the path '/name'."),
    ("mlflow_required_for_experiment", "POST", JOBS, job(experiment={"name": "e"}),
     "MLflow is required for experiment tracking. Please configure MLflow in the service configuration and try again."),
    ("job_can_not_be_updated", "DELETE", "{job}", None, "The job {id} can not be cancelled because it is 'completed'."),
    ("method_not_allowed", "PUT", JOBS, None, f"The HTTP method PUT is not allowed for the API {JOBS}."),
    ("not_supported", "POST", JOBS, job(HARNESS | {"test_data_ref": {"pvc": {"claim_name": "c"}}}), None),
    ("not_allowed_over_rest", "POST", JOBS, job(HARNESS | {"parameters": {"include_path": "/x"}}), None),
]  # fmt: skip
HEADERS: list[tuple[str, dict[str, str], str]] = [
    ("host_not_allowed", {"host": "evil.example"},
     "The host 'evil.example' is not served here. Add it to the allowed hosts of this server to use it."),
    ("origin_not_allowed", {"origin": EVIL},
     f"The origin '{EVIL}' may not call this server. Add it to the allowed origins to use it."),
    ("unsupported_media_type", {"origin": "http://localhost", "content_type": "text/plain"},
     "The content type 'text/plain' is not supported. Send the body as application/json."),
    ("idempotency_key_reused", {"idempotency_key": "used"},
     "The idempotency key 'used' was used for another request. Send a new key with a new request."),
]  # fmt: skip


@pytest.fixture(scope="module")
def made(bounded: Server) -> dict[str, str]:
    """A job that ended and a provider, as the table names them."""
    ended = bounded.finished(bounded.submit({"id": "a", "provider_id": "plain", "parameters": {"acc": 1}}))
    job_id = ended["resource"]["id"]
    provider = bounded.request("POST", PROVIDERS, {"name": "p"}).body["resource"]["id"]
    return {"id": job_id, "job": f"{JOBS}/{job_id}", "provider": f"{PROVIDERS}/{provider}"}


def judged(answer: Answer, code: str) -> str:
    """Check what every refusal has, and return its text."""
    body = answer.body
    assert (answer.status, body["message_code"]) == (CATALOGUE[code].status, code), answer.text
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert (sorted(body), headers["content-type"], headers["x-content-type-options"]) == (
        ["message", "message_code", "trace"],
        "application/json",
        "nosniff",
    )
    assert headers["x-global-transaction-id"] == body["trace"]
    assert answer.raw == json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return str(body["message"])


@pytest.mark.parametrize("provoked", TABLE, ids=[f"{each[0]}-{each[2]}" for each in TABLE])
def test_a_refusal(bounded: Server, made: dict[str, str], provoked: Provoked) -> None:
    code, method, path, body, text = provoked
    for name, value in made.items():
        path, text = path.replace(f"{{{name}}}", value), text and text.replace(f"{{{name}}}", value)
    said = judged(bounded.request(method, path, body), code)
    assert said == (text or said)


@pytest.mark.parametrize(("code", "headers", "text"), HEADERS, ids=[each[0] for each in HEADERS])
def test_a_refusal_for_its_headers(bounded: Server, code: str, headers: dict[str, str], text: str) -> None:
    assert judged(page(bounded, "POST", JOBS, job(name="another"), **headers), code) == text


def test_the_clients_transaction_id_is_the_trace(bounded: Server) -> None:
    answer = bounded.get(f"{JOBS}/x", X_Global_Transaction_Id="mine")
    assert (answer.body["trace"], answer.headers["x-global-transaction-id"]) == ("mine", "mine")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
@pytest.mark.parametrize(
    "path", [f"{JOBS}/", f"{PROVIDERS}/", "/api/v1/health/", "/", "/api/v1/evaluations/benchmarks"]
)
def test_a_path_that_is_nobodys_is_a_plain_404(bounded: Server, method: str, path: str) -> None:
    answer = page(bounded, method, path)
    said = b"" if method == "HEAD" else b"404 page not found\n"
    assert (answer.status, answer.raw, answer.headers["content-type"]) == (404, said, "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", JOBS), ("PATCH", f"{JOBS}/x"), ("GET", f"{JOBS}/x/events"), ("POST", "/api/v1/health"), ("TRACE", JOBS)],
)
def test_a_method_that_is_not_there_is_a_405(bounded: Server, method: str, path: str) -> None:
    answer = page(bounded, method, path)
    message = f"The HTTP method {method} is not allowed for the API {path}."
    assert (refused(answer), answer.body["message"]) == ((405, "method_not_allowed"), message)


def test_nothing_of_the_catalogue_is_forgotten() -> None:
    provoked = {each[0] for each in TABLE} | {each[0] for each in HEADERS}
    assert provoked & ELSEWHERE == set()
    assert set(CATALOGUE) <= provoked | ELSEWHERE, set(CATALOGUE) - provoked - ELSEWHERE
