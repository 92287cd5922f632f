"""Catalogs out of files: what is built in, EvalHub's own configuration, and what is wrong with a file."""

from pathlib import Path

import pytest

from evallab.api.errors import InvalidManifest, NotFound, UsageError
from evallab.api.provider import Collection, CollectionBenchmark, EnvVar, K8sRuntime, LocalRuntime, Metric, Threshold
from evallab.catalog import Catalog, builtin, configured, load

EVALHUB = Path(__file__).parent / "evalhub_config"
PROVIDER = (
    "id: own\nname: Own\nruntime:\n  local: null\n  k8s: {image: i, image_pull_policy: Always}\nbenchmarks:\n- id: b1\n"
)


def directory(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        kind, _, stem = name.partition("_")
        (tmp_path / f"{kind}s").mkdir(exist_ok=True)
        (tmp_path / f"{kind}s" / f"{stem}.yaml").write_text(text)
    return tmp_path


def refusal(path: Path) -> str:
    with pytest.raises(InvalidManifest) as caught:
        configured(path)
    return str(caught.value).replace(f"{path}/", "")


@pytest.mark.parametrize("file", sorted(EVALHUB.glob("*/*.yaml")), ids=lambda file: file.name)
def test_every_sample_file_of_evalhub_loads(file: Path) -> None:
    catalog = configured(EVALHUB)
    found = {each.id for each in catalog.providers()} | {each.id for each in catalog.collections()}
    assert file.stem in found


def test_a_sample_collection_keeps_its_order_and_numbers() -> None:
    assert configured(EVALHUB).collection("first-look-v1") == Collection(
        id="first-look-v1",
        name="First look v1",
        category="general",
        description="Speed and wits, one after the other (written for these tests, in EvalHub's format).\n",
        tags=("standard",),
        pass_criteria=Threshold(threshold=0.38),
        benchmarks=(
            CollectionBenchmark(
                id="quiz:easy",
                provider_id="quiz",
                weight=1,
                primary_score=Metric(metric="codegen_pass@1"),
                pass_criteria=Threshold(threshold=0.6),
                parameters={"num_fewshot": 0, "apply_chat_template": True},
            ),
            CollectionBenchmark(id="sweep", provider_id="speedometer"),
        ),
    )


def test_a_sample_provider_says_how_it_runs() -> None:
    provider = configured(EVALHUB).provider("speedometer")
    assert provider.runtime is not None
    assert provider.runtime.local == LocalRuntime(
        command="python main.py", env=(EnvVar(name="OCI_INSECURE", value="true"),)
    )
    assert [each.id for each in provider.benchmarks] == ["sweep", "family/steady:v2"]


def test_the_demo_collection_is_built_in() -> None:
    assert builtin().collection("demo").benchmarks == tuple(
        CollectionBenchmark(provider_id="lm_evaluation_harness", id=each, weight=1)
        for each in ("demo_arith", "demo_facts", "demo_complete", "demo_instruct")
    )


def test_the_configuration_replaces_what_is_built_in(tmp_path: Path) -> None:
    own = "id: demo\nname: Mine\ncategory: c\nbenchmarks: []\n"
    catalog = load(directory(tmp_path, collection_demo=own, provider_own=PROVIDER))
    assert catalog.collection("demo").name == "Mine"
    assert "own" in catalog.by_id


def test_contributed_files_are_tolerated(tmp_path: Path) -> None:
    provider = configured(directory(tmp_path, provider_own=PROVIDER)).provider("own")
    assert provider.runtime is not None
    assert provider.runtime.local is None
    assert provider.runtime.k8s == K8sRuntime(image="i", image_pull_policy="always")


def test_null_lists_are_empty(tmp_path: Path) -> None:
    text = "id: own\nbenchmarks: [{id: b, metrics: null, tags: null}]\ntags: ~\n"
    assert configured(directory(tmp_path, provider_own=text)).provider("own").benchmarks[0].metrics == ()


def test_named_benchmarks_are_known(tmp_path: Path) -> None:
    path = directory(tmp_path, provider_own=PROVIDER + "benchmark_names: names.txt\n")
    (path / "providers" / "names.txt").write_text("# tasks\nsome_task\n\nother_task\n")
    catalog = configured(path)
    assert [catalog.known_benchmark("own", each) for each in ("b1", "some_task", "# tasks", "")] == [
        True,
        True,
        False,
        False,
    ]
    assert catalog.near_benchmarks("own", "sme_task")[0] == "some_task"
    assert catalog.benchmark_ids("own") == ("b1", "other_task", "some_task")


@pytest.mark.parametrize("name", ["missing.txt", "../names.txt", "/etc/passwd"])
def test_a_names_file_lies_beside_its_provider(tmp_path: Path, name: str) -> None:
    path = directory(tmp_path, provider_own=PROVIDER + f"benchmark_names: {name}\n")
    assert refusal(path) == f'providers/own.yaml:8: benchmark_names: there is no file "{name}" beside this one'


def test_only_yaml_files_of_the_folder_count(tmp_path: Path) -> None:
    path = directory(tmp_path, provider_own=PROVIDER)
    (path / "providers" / "notes.yml").write_text("not read")
    (path / "providers" / "tenant").mkdir()
    (path / "providers" / "tenant" / "x.yaml").write_text("not read")
    assert list(configured(path).by_id) == ["own"]


def test_unknown_ids_name_the_nearest() -> None:
    catalog = configured(EVALHUB)
    with pytest.raises(NotFound) as provider:
        catalog.provider("speedmeter")
    assert str(provider.value) == 'There is no provider "speedmeter". Did you mean "speedometer"?'
    with pytest.raises(NotFound) as collection:
        catalog.collection("zzz")
    assert str(collection.value) == ('There is no collection "zzz". Known: bare-v2, first-look-v1.')
    with pytest.raises(NotFound):
        Catalog().known_benchmark("any", "thing")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("id: a\nbenchmarks: [\n", "providers/own.yaml:3: not valid YAML: did not find expected node content"),
        ("name: x\n", "providers/own.yaml: id: is required, but missing"),
        (f"name: x\nid: {'a' * 37}\n", "providers/own.yaml:2: id: may have at most 36 characters; found 37"),
        ("id: a\nbenchmarks:\n- {name: x}\n", "providers/own.yaml:3: benchmarks[0].id: is required, but missing"),
        ("id: a\nruntime: {local: {}}\n", "providers/own.yaml:2: runtime.local.command: is required, but missing"),
        ("id: a\nid: b\n", "providers/own.yaml:2: the field id is given twice"),
        ("", "providers/own.yaml: the file is empty; examples/quickstart.yaml shows what belongs in it"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    assert refusal(directory(tmp_path, provider_own=text)) == sentence


def test_two_files_with_one_id(tmp_path: Path) -> None:
    path = directory(tmp_path, provider_a=PROVIDER, provider_b=PROVIDER)
    assert refusal(path) == 'providers/b.yaml: id "own" is also that of a.yaml'


def test_a_missing_configuration_directory(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        configured(tmp_path / "nowhere")
