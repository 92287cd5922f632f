"""Every refusal of the REST API: its code, its HTTP status and its text, in one place.

The readers of bodies and queries here and the server's handlers raise `ApiError`; the server's app turns it into the
body that EvalHub's clients know. Codes and texts are EvalHub's up to `unknown_error`; the rest are evallab's own.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from evallab.api.errors import EvallabError


class Entry(NamedTuple):
    """One kind of refusal."""

    status: int
    template: str


_INTERNAL = "An internal server error occurred: '{reason}'."
_AGAIN = "Please check the request and try again."
_MLFLOW_NEEDED = "MLflow is required for experiment tracking. Please configure MLflow in the service configuration"
_NO_LOCAL = "Local runtime is not enabled for provider '{id}'. Please configure a local runtime command for this"

CATALOGUE: Mapping[str, Entry] = MappingProxyType(
    {
        "missing_path_parameter": Entry(400, "The path parameter '{name}' is required."),
        "missing_tenant_header": Entry(400, "The header 'X-Tenant' is required."),
        "missing_user_header": Entry(400, "The header 'X-User' is required."),
        "resource_not_found": Entry(404, "The {kind} resource '{id}' was not found."),
        "query_parameter_required": Entry(400, "The query parameter '{name}' is required."),
        "query_parameter_invalid": Entry(400, "The query parameter '{name}' is not a valid {type}: '{value}'."),
        "query_parameter_value_invalid": Entry(
            400, "The query parameter '{name}' is not valid. Allowed values are: '{allowed}'."
        ),
        "query_bad_parameter": Entry(
            400, "The parameter '{name}' is not a valid query parameter. Allowed parameters are: {allowed}."
        ),
        "query_parameter_mismatch": Entry(400, "The query parameters '{names}' are mutually exclusive."),
        "invalid_json_request": Entry(400, f"The request JSON is invalid: '{{detail}}'. {_AGAIN}"),
        "request_validation_failed": Entry(400, f"The request validation failed: '{{detail}}'. {_AGAIN}"),
        "request_body_too_large": Entry(413, "The request body is larger than the allowed {limit} bytes."),
        "resource_does_not_exist": Entry(400, "The {kind} with id '{id}' does not exist."),
        "model_url_required": Entry(400, "The model URL is required when not all benchmarks have pre-recorded data."),
        "resolved_sha_read_only": Entry(400, "The field 'resolved_sha' is read-only and must not be set on create."),
        "local_runtime_not_enabled": Entry(400, f"{_NO_LOCAL} provider and try again."),
        "provider_id_not_unique": Entry(400, "The provider id '{id}' is taken. Please use another id."),
        "read_only_provider": Entry(400, "Provider '{id}' cannot be modified or deleted."),
        "read_only_collection": Entry(400, "Collection '{id}' cannot be modified or deleted."),
        "invalid_patch_operation": Entry(
            400, "The patch operation '{operation}' is not valid. Allowed operations are: replace, add, remove."
        ),
        "unallowed_patch": Entry(400, "The operation '{operation}' is not allowed for the path '{path}'."),
        "collection_empty": Entry(400, "The collection '{id}' has no benchmarks."),
        "evaluation_job_empty": Entry(400, "The evaluation job '{id}' has no benchmarks."),
        "mlflow_required_for_experiment": Entry(400, f"{_MLFLOW_NEEDED} and try again."),
        "mlflow_request_failed": Entry(400, "The request to MLflow failed: '{reason}'."),
        "job_can_not_be_updated": Entry(409, "The job {id} can not be {new} because it is '{state}'."),
        "hardware_profile_disabled": Entry(400, "The hardware profile '{name}' is disabled."),
        "hardware_profile_invalid": Entry(400, "The hardware profile '{name}' is not valid: '{reason}'."),
        "hardware_profile_not_found": Entry(404, "The hardware profile '{name}' was not found."),
        "hardware_profile_fetch_failed": Entry(500, "The hardware profile '{name}' could not be read: '{reason}'."),
        "invalid_secret_ref_uri": Entry(400, "The secret_ref '{value}' must be a URI that begins with file:///."),
        "invalid_secret_ref_parse": Entry(400, "The secret_ref '{value}' could not be parsed: '{reason}'."),
        "method_not_allowed": Entry(405, "The HTTP method {method} is not allowed for the API {path}."),
        "not_implemented": Entry(501, "The API {path} is not implemented."),
        "configuration_failed": Entry(500, _INTERNAL),
        "json_unmarshalling_failed": Entry(500, _INTERNAL),
        "database_operation_failed": Entry(500, _INTERNAL),
        "query_failed": Entry(500, _INTERNAL),
        "internal_server_error": Entry(500, _INTERNAL),
        "unknown_error": Entry(500, _INTERNAL),
        "not_supported": Entry(400, "{reason}"),
        "invalid_callback_token": Entry(
            401, "The event carries no valid token of this attempt. Only the attempt's own adapter may report for it."
        ),
        "unauthenticated": Entry(401, "{reason}"),
        "forbidden": Entry(403, "{reason}"),
        "refused_by_cluster": Entry(403, "The cluster does not take this: {reason}"),
        "not_allowed_over_rest": Entry(403, "{reason}"),
        "host_not_allowed": Entry(
            403, "The host '{host}' is not served here. Add it to the allowed hosts of this server to use it."
        ),
        "origin_not_allowed": Entry(
            403, "The origin '{origin}' may not call this server. Add it to the allowed origins to use it."
        ),
        "artifact_gone": Entry(410, "{reason}"),
        "attempt_gone": Entry(410, "There is no attempt '{id}' any more; nothing more is wanted of it."),
        "leavings_too_large": Entry(
            413, "An attempt may leave {limit} bytes, in not too many pieces. Keep fewer files, or raise that limit."
        ),
        "request_timeout": Entry(408, "The request did not arrive within {seconds} seconds. Please send it again."),
        "unsupported_media_type": Entry(
            415, "The content type '{type}' is not supported. Send the body as application/json."
        ),
        "idempotency_key_reused": Entry(
            422, "The idempotency key '{key}' was used for another request. Send a new key with a new request."
        ),
        "queue_full": Entry(
            429, "{limit} jobs are waiting already, as many as this server takes. Please post this one again later."
        ),
        "service_unavailable": Entry(503, "The service is not available: {reason}"),
        "insufficient_storage": Entry(507, "There is not enough room to store this: {reason}"),
    }
)


class ApiError(EvallabError):
    """A request that is refused, or could not be served."""

    code: ClassVar[str] = "api"

    def __init__(self, message_code: str, **values: Any) -> None:
        """Fill the template of a code; an unknown code or a missing value is a KeyError, a mistake in this program."""
        entry = CATALOGUE[message_code]
        self.message_code = message_code
        self.status = entry.status
        super().__init__(entry.template.format_map(values))

    def body(self, trace: str) -> dict[str, str]:
        """Return the three keys of an error body; `trace` is the request's transaction id."""
        return {"message_code": self.message_code, "message": self.message, "trace": trace}
