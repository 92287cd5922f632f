"""The generated objects as text: `crds/`, and the chart's templates with their placeholders. Pure.

Called by `evallab crd` and scripts/generate_crd.py.
"""

import yaml

from evallab.api.v1alpha1.admission import binding, policy
from evallab.api.v1alpha1.crd import NAME, crd
from evallab.api.v1alpha1.schema import Json

HEAD = "# Made by scripts/generate_crd.py from operator/evallab/api/v1alpha1; do not edit.\n"
_KEEP = """\
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
"""


class _Dumper(yaml.SafeDumper):
    """YAML without references; what holds a placeholder of helm is a block, where no quoting can break it."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - as PyYAML calls it
        """Write everything where it stands."""
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "{{" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(value: Json) -> str:
    """Return an object as YAML."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def crd_file() -> str:
    """Return the CustomResourceDefinition as `kubectl apply` takes it."""
    return HEAD + as_yaml(crd())


def crd_template() -> str:
    """Return the CustomResourceDefinition as a template of the chart."""
    name = f"metadata:\n  name: {NAME}\n"
    return _only_if(".Values.crds.enabled", as_yaml(crd()).replace(name, name + _KEEP, 1))


def policy_template() -> str:
    """Return the admission policy and its binding as a template of the chart."""
    return _only_if(".Values.admissionPolicy.enabled", f"{as_yaml(policy())}---\n{as_yaml(binding())}")


def _only_if(value: str, text: str) -> str:
    return f"{HEAD}{{{{- if {value} }}}}\n{text}{{{{- end }}}}\n"
