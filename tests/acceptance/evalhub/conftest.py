"""One server for the tests that only use it; those that kill or reconfigure it start their own."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.acceptance.evalhub.evalhub_command import EvalhubCommand
from tests.acceptance.evalhub.running import CONFIG, Server
from tests.acceptance.evalhub.sdk_client import SdkClient
from tests.acceptance.evalhub.sdk_environment import SdkEnvironment, sdk_environment, sdk_folder

Start = Callable[..., Server]


def configured(folder: Path, extra: str = "") -> Path:
    """Copy the configuration with the adapters' place filled in."""
    shutil.copytree(CONFIG, folder)
    for file in (folder / "providers").iterdir():
        text = file.read_text().replace("__ADAPTERS__", str(CONFIG.with_name("adapters")))
        file.write_text(text.replace("__SDK__", str(sdk_folder())))
    if extra:
        (folder / "config.yaml").write_text((folder / "config.yaml").read_text() + extra)
    return folder


def opened() -> Path:
    """Make a folder that also the account which runs Postgres may enter."""
    home = Path(tempfile.mkdtemp(prefix="evallab-server-"))
    home.chmod(0o755)
    return home


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers of a test's own; `extra` is added to config.yaml."""
    servers: list[Server] = []

    def new(extra: str = "", **fields: object) -> Server:
        home = opened()
        servers.append(Server(home=home, config=configured(home / "config", extra), **fields))  # type: ignore[arg-type]
        return servers[-1].start()

    yield new
    for each in servers:
        each.stop()
        shutil.rmtree(each.home, ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server that tests share."""
    home = opened()
    running = Server(home=home, config=configured(home / "config")).start()
    yield running
    running.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def sdk() -> SdkEnvironment:
    """Where EvalHub's own client is installed."""
    return sdk_environment()


@pytest.fixture(scope="session", params=["sync", "async"])
def client(request: pytest.FixtureRequest, server: Server, sdk: SdkEnvironment) -> Iterator[SdkClient]:
    """EvalHub's Python client, in both its forms."""
    client = SdkClient(sdk, request.param, server.url)
    yield client
    client.close()


@pytest.fixture
def evalhub(server: Server, sdk: SdkEnvironment, tmp_path: Path) -> EvalhubCommand:
    """EvalHub's command, which knows the server by its environment."""
    return EvalhubCommand(sdk, tmp_path, server.url)
