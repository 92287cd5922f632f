"""The CRD's face of a job: camelCase, strict, Kubernetes conventions. `annotations` says what rides where."""

from evallab.api.v1alpha1.conversion import from_job, to_dict, to_job
from evallab.api.v1alpha1.manifest import API_VERSION, KIND, EvalJobManifest, EvalJobSpec

__all__ = ["API_VERSION", "KIND", "EvalJobManifest", "EvalJobSpec", "from_job", "to_dict", "to_job"]
