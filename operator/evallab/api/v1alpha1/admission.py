"""The ValidatingAdmissionPolicy: what an installation allows, beside what the CRD says of every EvalJob. Pure.

scripts/generate_crd.py writes it into the chart, whose values fill in the placeholders. Only creation is checked: a
spec does not change afterwards, and a policy that became stricter must not keep anybody from cancelling an older job.
"""

from evallab.api.v1alpha1.crd import GROUP, NAME, PLURAL, VERSION
from evallab.api.v1alpha1.schema import Json

ALLOWED_IMAGES = "{{ toJson (.Values.admissionPolicy.allowedImages | default list) }}"
SANDBOX = '{{ toJson (.Values.admissionPolicy.sandboxRuntimeClass | default "") }}'

_IS_ALLOWED = (
    "variables.allowedImages.exists(p, image == p || image.startsWith(p.endsWith('/') ? p : p + '/')"
    " || image.startsWith(p + ':') || image.startsWith(p + '@'))"
)
_SANDBOXED = "(has(object.spec.codeExecution) && object.spec.codeExecution == 'Sandboxed')"


def policy(*, allowed_images: str = ALLOWED_IMAGES, sandbox: str = SANDBOX) -> Json:
    """Return the policy; the two settings are CEL literals."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": NAME},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": [GROUP], "apiVersions": [VERSION], "operations": ["CREATE"], "resources": [PLURAL]}
                ]
            },
            "variables": _variables(allowed_images, sandbox),
            "validations": _validations(),
        },
    }


def binding() -> Json:
    """Return what puts the policy into force, for every namespace."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": NAME},
        "spec": {"policyName": NAME, "validationActions": ["Deny"]},
    }


def _variables(allowed_images: str, sandbox: str) -> list[Json]:
    serve = "has(object.spec.model.serve)"
    written = {
        "allowedImages": allowed_images,
        "sandboxRuntimeClass": sandbox,
        "pod": "has(object.spec.podTemplate) && has(object.spec.podTemplate.spec) ? object.spec.podTemplate.spec : {}",
        "containers": " + ".join(_listed("variables.pod", name) for name in ("containers", "initContainers")),
        "podImages": "variables.containers.filter(c, has(c.image)).map(c, string(c.image))",
        "volumeImages": f"({_listed('variables.pod', 'volumes')})"
        ".filter(v, has(v.image) && has(v.image.reference)).map(v, string(v.image.reference))",
        "serverImages": f"{serve} && has(object.spec.model.serve.image) ? [string(object.spec.model.serve.image)] : []",
        "weightsImages": f"{serve} && has(object.spec.model.serve.source) && has(object.spec.model.serve.source.oci)"
        " ? [string(object.spec.model.serve.source.oci)] : []",
        "refusedImages": "(variables.serverImages + variables.weightsImages + variables.podImages"
        f" + variables.volumeImages).filter(image, !{_IS_ALLOWED})",
    }
    return [{"name": name, "expression": expression} for name, expression in written.items()]


def _validations() -> list[Json]:
    allowed = "variables.allowedImages.join(', ')"
    needed = "codeExecution: Sandboxed needs runtimeClassName, a sandbox such as gvisor for code that a model wrote"
    only = "'with codeExecution: Sandboxed this cluster allows only runtimeClassName ' + variables.sandboxRuntimeClass"
    return [
        {
            "expression": "variables.allowedImages.size() == 0 || variables.refusedImages.size() == 0",
            "message": "an image is not allowed in this cluster",
            "messageExpression": "'not allowed in this cluster: ' + variables.refusedImages.join(', ')"
            f" + '; images may come from ' + {allowed}",
        },
        {
            "expression": f"!{_SANDBOXED} || has(object.spec.runtimeClassName) || variables.sandboxRuntimeClass != ''",
            "message": needed,
        },
        {
            "expression": f"!{_SANDBOXED} || !has(variables.pod.runtimeClassName)",
            "message": "with codeExecution: Sandboxed podTemplate may not name a runtime class; runtimeClassName does",
        },
        {
            "expression": f"!{_SANDBOXED} || variables.sandboxRuntimeClass == '' || !has(object.spec.runtimeClassName)"
            " || object.spec.runtimeClassName == variables.sandboxRuntimeClass",
            "message": "with codeExecution: Sandboxed this cluster allows only the runtime class of its sandbox",
            "messageExpression": only,
        },
    ]


def _listed(place: str, name: str) -> str:
    return f"(has({place}.{name}) ? {place}.{name} : [])"
