"""Where weights and data come from, as v1alpha1 says it: `model.serve.source` and `benchmarks[].testDataRef`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from evallab.api.patterns import SHA256
from evallab.api.v1alpha1.face import Face, LongText, Text, Url, only_one


class SecretRef(Face):
    """A reference to credentials."""

    name: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="Name of a Secret; on one computer a directory (`file:///…`) with `api-key`, `hf-token`, `ca_cert`."
    )


class HubSource(Face):
    """A repository on the Hugging Face hub."""

    repo_id: Text = Field(description="Owner and name, such as `Qwen/Qwen3-8B`.")
    revision: Text | None = Field(None, description="Commit, tag or branch; a commit makes the result repeatable.")
    sub_path: LongText | None = Field(None, description="Folder or file inside the repository.")
    secret_ref: SecretRef | None = Field(None, description="Credentials (`hf-token`).")


class ClaimSource(Face):
    """A persistent volume claim (cluster only)."""

    claim_name: Text = Field(description="Name of the claim in the namespace of the job.")
    sub_path: LongText | None = Field(None, description="Folder or file inside the volume.")


class GitSource(Face):
    """A git repository."""

    url: Url = Field(description="Clone URL (http or https).")
    ref: Text = Field(description="Commit, tag or branch.")
    sub_path: LongText | None = Field(None, description="Folder or file inside the repository.")
    secret_ref: SecretRef | None = Field(None, description="Credentials (`username`, `password`).")


class BucketSource(Face):
    """An object in an S3 bucket."""

    bucket: Text = Field(description="Name of the bucket.")
    key: LongText = Field(description="Key, or the prefix of several objects.")
    secret_ref: SecretRef = Field(description="Credentials (`AWS_ACCESS_KEY_ID`, …).")


class WeightsSource(Face):
    """Where the model server finds its weights: exactly one of the fields."""

    hf: HubSource | None = Field(None, description="A repository on the Hugging Face hub.")
    path: LongText | None = Field(None, description="A file or directory on this computer; refused in a cluster.")
    pvc: ClaimSource | None = Field(None, description="A persistent volume claim (cluster only).")
    oci: Text | None = Field(None, description="An OCI image or artifact, best by digest.")
    bundled: Text | None = Field(None, description="A model inside the evallab package, such as `demo-f16`.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        only_one(self, ("hf", "path", "pvc", "oci", "bundled"))
        return self


class TestDataRef(Face):
    """Where a benchmark's data comes from: exactly one source, and what is known about it."""

    __test__ = False

    hf: HubSource | None = Field(None, description="A dataset on the Hugging Face hub.")
    s3: BucketSource | None = Field(None, description="An object in an S3 bucket.")
    pvc: ClaimSource | None = Field(None, description="A persistent volume claim (cluster only).")
    git: GitSource | None = Field(None, description="A git repository.")
    http: Url | None = Field(None, description="A file to download.")
    path: LongText | None = Field(None, description="A file or directory on this computer; refused in a cluster.")
    bundled: Text | None = Field(None, description="A dataset inside the evallab package.")
    type: Literal["DataSet", "PreRecordedData"] | None = Field(
        None, description="`PreRecordedData`: answers recorded earlier, so that no model is needed. Default: `DataSet`."
    )
    sha256: Annotated[str, Field(max_length=64, pattern=SHA256)] | None = Field(
        None, description="What the data must hash to."
    )
    confidential: bool = Field(False, description="Never show or export the texts of these questions.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        only_one(self, ("hf", "s3", "pvc", "git", "http", "path", "bundled"))
        return self
