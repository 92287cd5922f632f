"""Settings: where they come from, which wins, and that each is documented."""

import os
import re
from pathlib import Path

import pytest

from evallab import settings as module
from evallab.api.errors import InvalidManifest
from evallab.settings import VARIABLES, Settings

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "environment.md"


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_the_defaults_of_a_user(user: None, tmp_path: Path) -> None:
    assert Settings.read({"HOME": str(tmp_path)}) == Settings(
        home=tmp_path / ".local/state/evallab",
        jobs_dir=Path("/tmp/evalhub-jobs"),
        config_dir=tmp_path / ".config/evallab",
        database_url=None,
        url=None,
        no_color=False,
    )


def test_the_defaults_of_root(root: None) -> None:
    found = Settings.read({})
    assert (found.home, found.config_dir) == (Path("/var/lib/evallab"), Path("/etc/evallab"))


def test_xdg_directories_count_for_everybody(root: None, tmp_path: Path) -> None:
    found = Settings.read({"XDG_STATE_HOME": f"{tmp_path}/state", "XDG_CONFIG_HOME": f"{tmp_path}/config"})
    assert (found.home, found.config_dir) == (tmp_path / "state/evallab", tmp_path / "config/evallab")


def test_what_is_said_wins(user: None, tmp_path: Path) -> None:
    said = {
        "HOME": "/nobody",
        "XDG_STATE_HOME": "/other",
        "EVALLAB_HOME": f"{tmp_path}/home",
        "EVALLAB_JOBS_DIR": f"{tmp_path}/jobs",
        "EVALLAB_CONFIG_DIR": f"{tmp_path}/config",
        "EVALLAB_DATABASE_URL": "postgresql://one/db",
        "EVALLAB_GPU_LOCKS_DIR": f"{tmp_path}/gpus",
        "EVALLAB_OFFLINE": "1",
        "EVALLAB_URL": "https://evallab.example",
        "EVALLAB_TOKEN": "secret",
        "EVALLAB_TENANT": "team",
        "EVALLAB_SERVICE": "lab/server",
        "NO_COLOR": "1",
    }
    (tmp_path / "config").mkdir()
    assert Settings.read(said) == Settings(
        home=tmp_path / "home",
        jobs_dir=tmp_path / "jobs",
        config_dir=tmp_path / "config",
        gpu_locks_dir=tmp_path / "gpus",
        database_url="postgresql://one/db",
        url="https://evallab.example",
        token="secret",
        tenant="team",
        service="lab/server",
        no_color=True,
        offline=True,
    )
    assert set(said) - {"HOME", "XDG_STATE_HOME"} == set(VARIABLES)


def test_empty_means_not_said(user: None, tmp_path: Path) -> None:
    empty = dict.fromkeys(VARIABLES, "")
    assert Settings.read({"HOME": str(tmp_path), **empty}) == Settings.read({"HOME": str(tmp_path)})


def test_a_dumb_terminal_has_no_colour(tmp_path: Path) -> None:
    assert Settings.read({"EVALLAB_CONFIG_DIR": str(tmp_path), "TERM": "dumb"}).no_color


def test_the_database_may_stand_in_the_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("database: {url: postgresql://file/db}\n")
    environ = {"EVALLAB_CONFIG_DIR": str(tmp_path)}
    assert Settings.read(environ).database_url == "postgresql://file/db"
    assert Settings.read({**environ, "EVALLAB_DATABASE_URL": "postgresql://env/db"}).database_url == (
        "postgresql://env/db"
    )


@pytest.mark.parametrize(
    "text", ["databse: {}", "database: {uri: x}", "database: {url: 3}", "- 1", "a: [", "database: 3"]
)
def test_a_configuration_file_that_makes_no_sense_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InvalidManifest, match=r"config\.yaml"):
        Settings.read({"EVALLAB_CONFIG_DIR": str(tmp_path)})


@pytest.mark.parametrize("text", ["", "database:", "database: {}", "# nothing"])
def test_a_configuration_file_that_says_nothing_is_fine(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(text)
    assert Settings.read({"EVALLAB_CONFIG_DIR": str(tmp_path)}).database_url is None


SAMPLES = Path(os.environ.get("EVALLAB_EVALHUB_SAMPLES", Path(__file__).parents[4] / "shared" / "evalhub" / "samples"))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="EvalHub's data is not here")
def test_evalhubs_own_configuration_means_the_embedded_postgres() -> None:
    environ = {"EVALLAB_CONFIG_DIR": str(SAMPLES.parent / "config")}
    assert Settings.read(environ).database_url is None


@pytest.mark.parametrize(
    ("block", "url"),
    [
        ("{driver: sqlite, url: 'file::eval_hub:?mode=memory&cache=shared'}", None),
        ("{url: 'file:/data/hub.db'}", None),
        ("{driver: sqlite, url: postgres://not/this}", None),
        ("{driver: pgx, url: 'postgres://me@db:5432/hub', max_open_conns: 3}", "postgres://me@db:5432/hub"),
        ("{driver: pgx, url: 'postgres://me@db/hub', password: 'a@b/c'}", "postgres://me:a%40b%2Fc@db/hub"),
        ("{url: 'postgres://me:mine@db/hub', password: other}", "postgres://me:mine@db/hub"),
        ("{url: 'host=db dbname=hub'}", "host=db dbname=hub"),
    ],
)
def test_the_database_of_an_evalhub_configuration(block: str, url: str | None, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"service: {{port: 1}}\nevallab: {{parallel: 3}}\ndatabase: {block}\n")
    assert Settings.read({"EVALLAB_CONFIG_DIR": str(tmp_path)}).database_url == url


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ("{driver: pgx}", r"config\.yaml: database: url is required for the driver pgx: postgresql://user@host/db\."),
        ("{driver: mysql, url: x}", r"driver must be one of pgx, postgres, postgresql, sqlite, sqlite3; found 'mysql'"),
    ],
)
def test_a_database_that_cannot_be_is_refused(block: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"database: {block}\n")
    with pytest.raises(InvalidManifest, match=sentence):
        Settings.read({"EVALLAB_CONFIG_DIR": str(tmp_path)})


def test_every_setting_is_documented() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in VARIABLES if f"`{name}`" not in text] == []


def test_no_other_variable_of_ours_is_read_in_the_command_line() -> None:
    folder = Path(module.__file__).parent
    read = {name for file in folder.glob("*.py") for name in re.findall(r'"(EVALLAB_[A-Z_]+)"', file.read_text())}
    assert read <= set(VARIABLES)
