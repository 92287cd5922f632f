"""Which images a cluster runs for providers: as its admission policy and its mirror say. What a sidecar is told."""

import json
from dataclasses import replace

import pytest
from tests.unit.planning.cluster.plans import CONFIG, attempt

from evallab.api.provider import K8sRuntime, LocalRuntime, Provider, ProviderRuntime
from evallab.planning.cluster.attempt import attempt_objects
from evallab.planning.cluster.images import is_allowed, pulled, refused, without_image

DIGEST = "sha256:" + "0" * 64


def provider(image: str) -> Provider:
    return Provider(id="mine", runtime=ProviderRuntime(k8s=K8sRuntime(image=image), local=LocalRuntime(command="true")))


@pytest.mark.parametrize(
    ("image", "among", "allowed"),
    [
        ("anywhere/a:1", [], True),
        ("good.example/team/a:1", ["good.example"], True),
        ("good.example/team/a:1", ["good.example/"], True),
        ("good.example/team/a:1", ["good.example/team/a"], True),
        (f"good.example/team/a@{DIGEST}", ["other.example", "good.example/team/a"], True),
        ("good.example/team/a:1", ["good.example/team/a:1"], True),
        ("good.example.evil/a:1", ["good.example"], False),
        ("good.example/team/ab:1", ["good.example/team/a"], False),
        ("a:1", ["good.example/"], False),
    ],
)
def test_images_are_allowed_as_the_admission_policy_says(image: str, among: list[str], *, allowed: bool) -> None:
    assert is_allowed(image, among) is allowed
    assert refused(provider(image), among) == (None if allowed else image)


def test_without_its_image_a_provider_runs_on_computers_only() -> None:
    assert without_image(provider("a:1")).runtime == ProviderRuntime(local=LocalRuntime(command="true"))
    assert (refused(Provider(id="none"), ["x"]), without_image(Provider(id="none"))) == (None, Provider(id="none"))


@pytest.mark.parametrize("tag", ["", ":1", f"@{DIGEST}", f":1@{DIGEST}"])
def test_another_image_is_pulled_whatever_the_tag(tag: str) -> None:
    images = {"host:5000/team/a": f"mirror.example/a@{DIGEST}"}
    assert pulled(provider(f"host:5000/team/a{tag}"), images) == provider(f"mirror.example/a@{DIGEST}")
    other = provider(f"host:5000/team/b{tag}")
    assert pulled(other, images) is other


@pytest.mark.parametrize(("mib", "told"), [(2048, None), (100, 100)])
def test_a_sidecar_is_told_how_much_an_attempt_may_leave(mib: int, told: int | None) -> None:
    config = replace(CONFIG, leavings_mib=mib)
    (files,) = [each["data"] for each in attempt_objects(attempt(), config) if each["kind"] == "ConfigMap"]
    assert json.loads(files["sidecar.json"]).get("leavings_mib") == told
