"""Docs cannot rot: links lead somewhere, commands exist with their options, example manifests are valid."""

import re
import shlex
from pathlib import Path

import click
import pytest

from evallab.catalog import builtin
from evallab.cli.main import cli
from evallab.local.preparing import prepare

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
BLOCK = re.compile(r"```(?:bash|console|sh)\n(.*?)```", re.DOTALL)
LOCAL = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?(evallab .*)$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text()) if not re.match(r"[a-z]+:", target)]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


def commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in BLOCK.findall(page.read_text()):
            text = block.replace("\\\n", " ")
            found += [(str(page.relative_to(ROOT)), line) for line in LOCAL.findall(text)]
    return found


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_in_the_docs_parse(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    words = words[: next((i for i, word in enumerate(words) if word in {"|", ">", ";", "&&"}), len(words))]
    command: click.Command = cli
    context = click.Context(cli, info_name="evallab")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words.pop(0))
        assert found is not None, f"{page}: {line}"
        command = found
    if words and words[0] in {"--help", "--version"}:
        return
    command.make_context("evallab", words, resilient_parsing=False)


@pytest.mark.parametrize("manifest", sorted(ROOT.glob("examples/**/*.yaml")), ids=lambda path: path.name)
def test_example_manifests_are_valid(manifest: Path) -> None:
    text = manifest.read_bytes()
    if b"kind: EvalJob" not in text:
        pytest.skip("not a manifest")
    prepare(text, file=manifest.name, directory=manifest.parent, catalog=builtin())
