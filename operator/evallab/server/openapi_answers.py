"""Which route answers with which shape, for the description of the API; a test holds it against what is served."""

from collections.abc import Mapping
from types import MappingProxyType

#: What a refusal holds where it is not an Error.
REFUSALS: Mapping[tuple[str, int], str] = MappingProxyType({("/readyz", 503): "Readiness"})
_JOB = "/api/v1/evaluations/jobs"
_ONE = f"{_JOB}/{{job_id}}"
ANSWERS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("GET", "/api/v1/health"): "Health",
        ("GET", "/api/v1/version"): "Version",
        ("GET", "/livez"): "Liveness",
        ("GET", "/readyz"): "Readiness",
        ("POST", _JOB): "Job",
        ("GET", _JOB): "JobPage",
        ("GET", _ONE): "Job",
        ("GET", f"{_ONE}/scores"): "ScorePage",
        ("GET", f"{_ONE}/benchmarks/{{benchmark_index}}/samples"): "SamplePage",
        ("GET", f"{_ONE}/artifacts"): "ArtifactPage",
        ("GET", f"{_ONE}/comparisons"): "ComparisonPage",
        ("GET", f"{_ONE}/provenance"): "Provenance",
        ("GET", f"{_ONE}/provenance/difference"): "ProvenanceDifference",
        ("POST", f"{_ONE}/reproductions"): "Job",
        ("GET", f"{_ONE}/reproductions/{{repetition_id}}"): "Reproduction",
        ("GET", "/api/v1/evaluations/regressions"): "Standings",
        ("GET", "/api/v1/evaluations/history"): "History",
        **{
            entry: shape
            for kind, key, shape in (
                ("providers", "provider_id", "Provider"),
                ("collections", "collection_id", "Collection"),
            )
            for entry, shape in (
                (("GET", f"/api/v1/evaluations/{kind}"), f"{shape}Page"),
                (("POST", f"/api/v1/evaluations/{kind}"), shape),
                (("GET", f"/api/v1/evaluations/{kind}/{{{key}}}"), shape),
                (("PUT", f"/api/v1/evaluations/{kind}/{{{key}}}"), shape),
                (("PATCH", f"/api/v1/evaluations/{kind}/{{{key}}}"), shape),
            )
        },
        ("POST", "/api/v1/evaluations/collections/{collection_id}/clones"): "Collection",
    }
)
