"""A configuration directory that changes: what is served, what is wrong, and when a change is seen."""

import os
from pathlib import Path

import pytest

from evallab.api.errors import InvalidManifest
from evallab.catalog import FileProblem, Folder, configured, load_with_problems

SHARED = Path(os.environ.get("EVALLAB_EVALHUB_CONFIG", Path(__file__).parents[4] / "shared" / "evalhub" / "config"))
GOOD = "id: {}\nname: {}\nbenchmarks: [{{id: b}}]\n"
BROKEN = "id: bad\nbenchmarks: [\n"
SERVED = " (its last good version is served until it is mended)"


def write(directory: Path, name: str, text: str) -> Path:
    file = directory / "providers" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def names(folder: Folder) -> list[tuple[str, str]]:
    return [(each.id, each.value.provider.name) for each in folder.read().providers]


@pytest.mark.skipif(not SHARED.is_dir(), reason="EvalHub's own configuration is not here")
def test_evalhubs_own_configuration_loads() -> None:
    catalog, problems = load_with_problems(SHARED, builtin=False)
    assert problems == ()
    assert [each.id for each in catalog.providers()] == ["guidellm", "lighteval", "ragas"]
    assert [each.id for each in catalog.collections()] == ["coding-v1", "leaderboard-v2", "reasoning-v1"]


def test_a_broken_file_hides_no_other(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", GOOD.format("a", "A"))
    bad = write(tmp_path, "bad.yaml", BROKEN)
    missing = write(tmp_path, "c.yaml", "name: c\n")
    catalog, problems = load_with_problems(tmp_path, builtin=False)
    assert list(catalog.by_id) == ["a"]
    assert problems == (
        FileProblem(bad, "not valid YAML: did not find expected node content", 3),
        FileProblem(missing, "id: is required, but missing"),
    )


def test_with_what_is_built_in(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", GOOD.format("a", "A"))
    catalog, _ = load_with_problems(tmp_path)
    assert {"a", "lm_evaluation_harness"} <= set(catalog.by_id)


def test_the_strict_reader_names_every_broken_file(tmp_path: Path) -> None:
    write(tmp_path, "bad.yaml", BROKEN)
    write(tmp_path, "c.yaml", "name: c\n")
    with pytest.raises(InvalidManifest) as caught:
        configured(tmp_path)
    assert str(caught.value).replace(f"{tmp_path}/providers/", "").splitlines() == [
        "bad.yaml:3: not valid YAML: did not find expected node content",
        "c.yaml: id: is required, but missing",
    ]


def test_the_last_good_version_serves_until_the_file_is_mended(tmp_path: Path) -> None:
    file, folder = write(tmp_path, "a.yaml", GOOD.format("a", "A")), Folder(tmp_path)
    assert names(folder) == [("a", "A")]
    file.write_text(BROKEN)
    contents = folder.read()
    assert [each.value.provider.name for each in contents.providers] == ["A"]
    assert [str(each) for each in contents.problems] == [
        f"{file}:3: not valid YAML: did not find expected node content{SERVED}"
    ]
    file.write_text(GOOD.format("a", "mended"))
    assert (names(folder), folder.read().problems) == ([("a", "mended")], ())


def test_a_file_that_was_never_good_is_not_said_to_be_served(tmp_path: Path) -> None:
    file = write(tmp_path, "a.yaml", BROKEN)
    assert Folder(tmp_path).read().problems == (
        FileProblem(file, "not valid YAML: did not find expected node content", 3),
    )


def test_a_deleted_file_is_gone(tmp_path: Path) -> None:
    file, folder = write(tmp_path, "a.yaml", GOOD.format("a", "A")), Folder(tmp_path)
    folder.read()
    file.unlink()
    assert names(folder) == []


def test_another_file_may_take_the_id_of_a_broken_one(tmp_path: Path) -> None:
    file, folder = write(tmp_path, "a.yaml", GOOD.format("a", "A")), Folder(tmp_path)
    folder.read()
    file.write_text(BROKEN)
    write(tmp_path, "b.yaml", GOOD.format("a", "B"))
    assert names(folder) == [("a", "B")]
    assert folder.read().problems == (FileProblem(file, "not valid YAML: did not find expected node content", 3),)


def test_names_that_cannot_be_read_are_a_problem_of_their_provider(tmp_path: Path) -> None:
    file = write(tmp_path, "a.yaml", GOOD.format("a", "A") + "benchmark_names: names.txt\n")
    (file.parent / "names.txt").write_bytes(b"\xff\xfe")
    contents = Folder(tmp_path).read()
    assert contents.providers == ()
    assert [each.file for each in contents.problems] == [file]


def test_a_directory_that_disappears_is_served_on(tmp_path: Path) -> None:
    directory = tmp_path / "config"
    write(directory, "a.yaml", GOOD.format("a", "A"))
    folder = Folder(directory)
    folder.read()
    directory.rename(tmp_path / "away")
    contents = folder.read()
    assert [each.id for each in contents.providers] == ["a"]
    assert [str(each) for each in contents.problems] == [
        f"{directory}: the configuration directory is gone; what it held last is served until it is back"
    ]
    (tmp_path / "away").rename(directory)
    assert folder.read().problems == ()


def test_a_directory_that_was_never_there_holds_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "nowhere")
    assert (folder.read().providers, folder.read().problems) == ((), ())


class TestSignature:
    def test_edits_additions_and_removals_are_seen(self, tmp_path: Path) -> None:
        file, folder = write(tmp_path, "a.yaml", GOOD.format("a", "A")), Folder(tmp_path)
        seen = [folder.signature(), folder.signature()]
        assert seen[0] == seen[1]
        file.write_text(GOOD.format("a", "longer"))
        seen.append(folder.signature())
        write(tmp_path, "b.yaml", "")
        seen.append(folder.signature())
        file.unlink()
        seen.append(folder.signature())
        assert len(set(seen)) == 4

    def test_a_file_replaced_by_one_of_the_same_size_and_time_is_seen(self, tmp_path: Path) -> None:
        file, folder = write(tmp_path, "a.yaml", GOOD.format("a", "A")), Folder(tmp_path)
        before, status = folder.signature(), file.stat()
        other = write(tmp_path, "new", GOOD.format("a", "B"))
        os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
        other.replace(file)
        assert folder.signature() != before

    def test_the_swap_of_a_mounted_config_map_is_seen(self, tmp_path: Path) -> None:
        providers = tmp_path / "providers"
        for version in ("v1", "v2"):
            (providers / f"..{version}").mkdir(parents=True)
            (providers / f"..{version}" / "a.yaml").write_text(GOOD.format("a", version))
        (providers / "..data").symlink_to("..v1")
        (providers / "a.yaml").symlink_to("..data/a.yaml")
        folder = Folder(tmp_path)
        before = folder.signature()
        assert names(folder) == [("a", "v1")]
        (providers / "..new").symlink_to("..v2")
        (providers / "..new").replace(providers / "..data")
        assert folder.signature() != before
        assert names(folder) == [("a", "v2")]

    def test_a_broken_link_is_no_error(self, tmp_path: Path) -> None:
        write(tmp_path, "a.yaml", GOOD.format("a", "A"))
        (tmp_path / "providers" / "b.yaml").symlink_to("nowhere")
        folder = Folder(tmp_path)
        assert folder.signature() == folder.signature()
        assert names(folder) == [("a", "A")]
        assert [each.reason for each in folder.read().problems] == ["cannot be read: No such file or directory"]
