"""What an installation in a cluster says, from the one YAML file that its chart writes (`EVALLAB_CLUSTER_CONFIG`).

The composition roots of operator and server parse the file and call `read`. Its keys are the fields of `ClusterConfig`
in camelCase, and those of `Installation` beside it; a unit test compares them. A key that is null is not said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from evallab.api.errors import InvalidManifest
from evallab.api.job import Network
from evallab.api.sentences import sentences
from evallab.api.v1alpha1.face import Face, Label, Seconds, Text, Url
from evallab.planning.cluster.plan import ClusterConfig

FILE = "cluster.yaml"
MOST_LEAVINGS_MIB = 32_768  #: a file is sent in at most 65,536 pieces
Names = Annotated[tuple[Text, ...], Field(strict=False)]
References = dict[Text, Text]
HostPort = Annotated[str, Field(pattern=r"^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$")]


@dataclass(frozen=True, kw_only=True)
class Installation:
    """One installation: what the builders of objects need to know, and where its operator looks."""

    cluster: ClusterConfig
    provider_images: Mapping[str, str] = field(default_factory=dict)  #: name without tag → what is pulled instead
    allowed_images: tuple[str, ...] = ()  #: of providers that were made over REST; empty: any
    watch_namespaces: tuple[str, ...] = ()  #: empty: all
    lease_namespace: str
    lease_name: str


class LeaderElection(Face):
    """Where the Lease lies that only one operator holds."""

    namespace: Label
    name: Text


class ClusterFile(Face):
    """The file; defaults are those of `ClusterConfig`, so here None is what was not said."""

    image: Text
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: Names | None = None
    server_url: Url
    server_namespace: Label | None = None
    server_labels: References | None = None
    operator_labels: References | None = None
    dcgm_service: HostPort | None = None
    model_server_images: References | None = None
    service_account: Text | None = None
    sidecar_grace_seconds: Seconds | None = None
    leavings_mib: Annotated[int, Field(ge=1, le=MOST_LEAVINGS_MIB)] | None = None
    job_ttl_seconds: Seconds | None = None
    network_policies: bool | None = None
    default_network: Network | None = None
    sandbox_runtime_class: Text | None = None
    refused_pod_seconds: Seconds | None = None
    unschedulable_seconds: Seconds | None = None
    image_seconds: Seconds | None = None
    config_error_seconds: Seconds | None = None
    provider_images: References | None = None
    allowed_images: Names | None = None
    watch_namespaces: Names | None = None
    leader_election: LeaderElection


def read(document: Mapping[str, Any], *, file: str = FILE) -> Installation:
    """Return what the file says. Raises InvalidManifest, a UsageError, with one sentence per problem."""
    try:
        said = ClusterFile.model_validate(document, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidManifest(
            sentences(error, ClusterFile), file=file, remedy="The chart writes this file; see its values."
        ) from None
    given = {name: getattr(said, name) for name in ClusterFile.model_fields if getattr(said, name) is not None}
    return Installation(
        cluster=ClusterConfig(**{each.name: given[each.name] for each in fields(ClusterConfig) if each.name in given}),
        provider_images=said.provider_images or {},
        allowed_images=said.allowed_images or (),
        watch_namespaces=said.watch_namespaces or (),
        lease_namespace=said.leader_election.namespace,
        lease_name=said.leader_election.name,
    )
