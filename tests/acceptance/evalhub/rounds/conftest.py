"""Servers that die at a certain point; started again, they are ordinary ones."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.acceptance.evalhub import running
from tests.acceptance.evalhub.conftest import Start
from tests.acceptance.evalhub.rounds import dying
from tests.acceptance.evalhub.running import Server

Doomed = Callable[..., Server]


@pytest.fixture
def doomed(start: Start, tmp_path: Path) -> Doomed:
    """Start a server that kills itself at a point; started again, it is an ordinary one."""
    program = tmp_path / "evallab-server"
    program.write_text(f"#!{sys.executable}\nimport runpy\nrunpy.run_path({dying.__file__!r}, run_name='__main__')\n")
    program.chmod(0o755)

    def new(point: str, **fields: object) -> Server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(running, "SERVER", program)
            server = start(environ={dying.AT: point}, **fields)
        del server.environ[dying.AT]
        return server

    return new
