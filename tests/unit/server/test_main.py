"""The command `evallab-server` before it serves: what it prints, and what it refuses."""

import sys

import pytest

from evallab import __version__
from evallab.server.main import main


def test_the_version_and_the_usage_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"evallab-server {__version__}\n"
    assert main(["-help"]) == 0
    assert capsys.readouterr().out.startswith("Usage of evallab-server:\n")


def test_an_unknown_flag_is_refused_in_the_words_of_go(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-nope"]) == 2
    assert capsys.readouterr().err.startswith("evallab-server: flag provided but not defined: -nope\n")


def test_without_local_it_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "--local" in capsys.readouterr().err


def test_without_its_parts_it_says_how_to_install_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "evallab.server.serving", None)  # as if something that it imports were missing
    assert main(["--local"]) == 2
    assert "pip install 'evallab[server]'" in capsys.readouterr().err
