"""The catalogue of refusals: codes, statuses and the texts that clients match."""

import json
import string

import pytest

from evallab.api.evalhub.errors import CATALOGUE, ApiError

SAID = [
    (
        ApiError("resource_not_found", kind="evaluation job", id="nope"),
        (404, "The evaluation job resource 'nope' was not found."),
    ),
    (
        ApiError("resource_does_not_exist", kind="benchmark", id="zz"),
        (400, "The benchmark with id 'zz' does not exist."),
    ),
    (
        ApiError("query_parameter_invalid", name="limit", type="positive integer", value="-1"),
        (400, "The query parameter 'limit' is not a valid positive integer: '-1'."),
    ),
    (
        ApiError("model_url_required"),
        (400, "The model URL is required when not all benchmarks have pre-recorded data."),
    ),
    (
        ApiError("local_runtime_not_enabled", id="x"),
        (
            400,
            "Local runtime is not enabled for provider 'x'. Please configure a local runtime command for this "
            "provider and try again.",
        ),
    ),
    (
        ApiError("mlflow_required_for_experiment"),
        (
            400,
            "MLflow is required for experiment tracking. Please configure MLflow in the service configuration and "
            "try again.",
        ),
    ),
    (
        ApiError("job_can_not_be_updated", id="j", new="cancelled", state="completed"),
        (409, "The job j can not be cancelled because it is 'completed'."),
    ),
    (ApiError("read_only_provider", id="tiny"), (400, "Provider 'tiny' cannot be modified or deleted.")),
    (ApiError("read_only_collection", id="mini"), (400, "Collection 'mini' cannot be modified or deleted.")),
    (
        ApiError("method_not_allowed", method="PUT", path="/api/v1/health"),
        (405, "The HTTP method PUT is not allowed for the API /api/v1/health."),
    ),
    (ApiError("internal_server_error", reason="x"), (500, "An internal server error occurred: 'x'.")),
    (ApiError("not_allowed_over_rest", reason="No."), (403, "No.")),
]


@pytest.mark.parametrize(("error", "expected"), SAID)
def test_status_and_text(error: ApiError, expected: tuple[int, str]) -> None:
    assert (error.status, error.message) == expected
    assert str(error) == error.message


def test_a_body_has_the_three_keys() -> None:
    error = ApiError("unallowed_patch", operation="add", path="/benchmarks/-")
    assert json.dumps(error.body("t-1")) == json.dumps(
        {
            "message_code": "unallowed_patch",
            "message": "The operation 'add' is not allowed for the path '/benchmarks/-'.",
            "trace": "t-1",
        }
    )


def test_a_value_is_never_a_template() -> None:
    assert ApiError("resource_not_found", kind="provider", id="{kind} {0}").message == (
        "The provider resource '{kind} {0}' was not found."
    )


def test_unknown_codes_and_missing_values_are_mistakes_in_the_program() -> None:
    with pytest.raises(KeyError):
        ApiError("no_such_code")
    with pytest.raises(KeyError):
        ApiError("resource_not_found", kind="provider")


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_template_can_be_filled_and_says_something(code: str) -> None:
    names = [name for _, name, _, _ in string.Formatter().parse(CATALOGUE[code].template) if name is not None]
    error = ApiError(code, **dict.fromkeys(names, "value"))
    assert 400 <= error.status < 600
    assert error.message.strip()
