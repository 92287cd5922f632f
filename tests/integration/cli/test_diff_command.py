"""`evallab diff`: kinds of changes, words, and the page that may be sent to anybody."""

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from tests.integration.cli import seeding
from tests.integration.cli.command import Command
from tests.integration.cli.seeding import NOON, PROVIDER

from evallab.store.postgres import PostgresStore

WORDS = """\
Question 22  1 → 0, regressed
asked        22 + 1 =
expected     23
answer       [-The answer-]{+I think it+} is[- 23-]{+\ufffd[31m 25+}.[-
             That was easy.-]
"""
HOSTILE = "</pre><script>alert(1)</script><style>*{display:none}</style><img src=x onerror=alert(1)>&amp;\x00\u202e"


@pytest.mark.parametrize(
    ("flags", "kinds", "flipped"),
    [
        (("--regressed",), {"regressed"}, 17),
        (("--improved",), set(), 0),
        (("--regressed", "-b", "demo_arith"), {"regressed"}, 16),
        (("--improved", "--regressed"), {"regressed"}, 17),
        (("--changed",), set(), 0),
    ],
)
def test_kinds(evallab: Command, flags: tuple[str, ...], kinds: set[str], flipped: int) -> None:
    found = evallab.json("diff", "demo-q3", *flags)
    assert ({flip["kind"] for flip in found["flips"]}, found["flipped"]) == (kinds, flipped)


def test_of_several_benchmarks_each_is_named(evallab: Command) -> None:
    text = evallab.said("diff", "demo-q3", "--regressed", "-n", "1")
    assert [line for line in text.splitlines() if line in {"demo_arith", "demo_facts"}] == ["demo_arith", "demo_facts"]
    assert "15 more: --limit 16" in text


def test_words(evallab: Command) -> None:
    text = evallab.said("diff", "demo-q3", "-b", "demo_arith", "--words", "-n", "1")
    assert WORDS in text
    assert "\x1b" not in text


async def test_an_answer_that_only_reads_otherwise_is_found_when_asked_for(
    evallab: Command, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await other_candidate(evallab, store, monkeypatch, "The answer, surely, is 1.")
    found = evallab.json("diff", "other", "demo-f16", "-b", "0", "--changed", "-n", "1")
    [flip] = found["flips"]
    assert (flip["kind"], flip["before"], flip["after"], found["flipped"]) == ("changed", 1.0, 1.0, 38)
    assert evallab.json("diff", "other", "demo-f16", "-b", "0")["flipped"] == 0


async def test_the_same_choice_with_other_likelihoods_is_no_change(
    evallab: Command, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await other_candidate(evallab, store, monkeypatch, "[[-1.5, false], [-0.5, true]]")
    await other_candidate(evallab, store, monkeypatch, "[[-1.6, false], [-0.4, true]]", job_id="07ee100000000000")
    assert evallab.json("diff", "07ee1000", "07ee0000", "-b", "0", "--changed")["flipped"] == 0


class Page(HTMLParser):
    """Everything a browser would see of a page, as it parses it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, set[str]] = {}
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)


def page(evallab: Command, tmp_path: Path, *args: str) -> tuple[str, str]:
    file = tmp_path / "diff.html"
    done = evallab("diff", *args, "--html", str(file))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return file.read_text(encoding="utf-8"), done.stderr.removeprefix(str(file))


def test_the_page_loads_nothing_and_runs_nothing(evallab: Command, tmp_path: Path) -> None:
    text, said = page(evallab, tmp_path, "demo-q3")
    assert said == ": 17 of 17 changed answers\n"
    parsed = Page(text)
    assert not {"script", "img", "link", "iframe", "object", "base", "form"} & set(parsed.tags)
    assert all(href.startswith("#") for href in parsed.attributes["href"])
    assert not {name for name in parsed.attributes if name.startswith("on") or name in {"src", "style", "action"}}
    assert not re.search(r"url\(|@import|https?:", text)
    assert parsed.tags.count("article") == 17
    assert {"ins", "del", "table", "main"} <= set(parsed.tags)


def test_the_page_filters_what_it_shows(evallab: Command, tmp_path: Path) -> None:
    text, _ = page(evallab, tmp_path, "demo-q3")
    assert re.findall(r'<label for="f-(\w+)">([^<]*)', text) == [("all", "All (17)"), ("regressed", "Regressed (17)")]
    assert text.count('<article class="regressed">') == 17
    short, said = page(evallab, tmp_path, "demo-q3", "-b", "demo_arith", "-n", "2")
    assert (short.count("<article"), said) == (2, ": 2 of 16 changed answers\n")
    assert "2 of 16 changed answers are shown." in short


async def test_what_a_model_answers_is_inert(
    evallab: Command, store: PostgresStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = Page(page(evallab, tmp_path, "demo-q3", "-b", "0")[0])
    await other_candidate(evallab, store, monkeypatch, HOSTILE)
    text, _ = page(evallab, tmp_path, "other", "demo-f16", "-b", "0")
    parsed = Page(text)
    assert set(parsed.tags) == set(plain.tags)
    assert set(parsed.attributes) == set(plain.attributes)
    assert "<script" not in text
    assert "\x00" not in text
    assert "\u202e" not in text
    assert "alert" in "".join(parsed.texts["ins"])
    policy = next(value for value in parsed.attributes["content"] if "default-src" in value)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_a_page_that_cannot_be_written_is_a_sentence(evallab: Command) -> None:
    done = evallab("diff", "demo-q3", "--html", "/nowhere/diff.html")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: /nowhere/diff.html cannot be written: No such file or directory.\n"


def test_formats_for_ci(evallab: Command) -> None:
    junit = evallab.said("show", "demo-q3", "--output", "junit")
    assert f'<testcase classname="{PROVIDER}" name="demo_arith">' in junit
    assert 'failures="0"' in junit  # its manifest lets nothing fail
    assert "| demo\\_arith |" in evallab.said("show", "demo-q3", "--output", "markdown")
    assert json.loads(evallab.said("show", "demo-q3", "--output", "json"))["name"] == "demo-q3"


@pytest.mark.parametrize("example", ["github-actions.yaml", "buildkite.yaml"])
def test_the_ci_examples_find_the_job_in_the_report(evallab: Command, example: str, tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "examples" / "ci" / example).read_text()
    assert yaml.safe_load(text)
    [line] = [line.strip() for line in text.splitlines() if line.strip().startswith("job=")]
    (tmp_path / "evallab.xml").write_text(evallab.said("show", "demo-q3", "--output", "junit"))
    script = f'{line.replace("$$", "$")}\necho "$job"'
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"{seeding.CANDIDATE}\n"


async def other_candidate(
    evallab: Command,
    store: PostgresStore,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    *,
    job_id: str = "07ee000000000000",
) -> None:
    """Store a job that is as right as the baseline, and says it otherwise."""
    usual = seeding.sample
    monkeypatch.setitem(seeding.RIGHT, job_id, seeding.RIGHT[seeding.BASELINE])
    with monkeypatch.context() as patch:
        patch.setattr(
            seeding,
            "sample",
            lambda doc_id, *, right: usual(doc_id, right=right).model_copy(
                update={"response": answer} if right else {}
            ),
        )
        await seeding.finished_job(store, evallab.home, seeding.job(job_id, "other", created_at=NOON))
