"""The requests recorded from EvalHub's server 1.0.2, sent to this one: whole answers are compared."""

import shutil
from collections.abc import Iterator

import pytest
from tests.acceptance.evalhub.conftest import opened
from tests.acceptance.evalhub.replay import Replay
from tests.acceptance.evalhub.replay_script import SCRIPT
from tests.acceptance.evalhub.replaying import ADDITIONS, BEGIN, DIFFERENCES, END, INSTEAD, PAGE, judge, section
from tests.acceptance.evalhub.running import Server
from tests.acceptance.evalhub.sample_config import recorded_command, write_config
from tests.acceptance.evalhub.samples import FOLDER, pairs
from tests.acceptance.evalhub.sdk_environment import SdkEnvironment

RECORDED = pairs()
needs_samples = pytest.mark.skipif(not RECORDED, reason=f"there are no recorded samples in {FOLDER}")


@pytest.fixture(scope="module")
def replay(sdk: SdkEnvironment) -> Iterator[Replay]:
    """All answers of this server, the requests sent in the script's order."""
    home = opened()
    command = write_config(home / "config", RECORDED, sdk.python)
    server = Server(home=home, config=home / "config")
    texts = {command: recorded_command(RECORDED), str(server.jobs_dir): "/tmp/evalhub-jobs"}
    try:
        yield Replay(server.start(), RECORDED, texts).run()
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@needs_samples
@pytest.mark.parametrize("name", RECORDED)
def test_the_answer_is_evalhubs_or_differs_as_listed(replay: Replay, name: str) -> None:
    unlisted = [finding for finding, row in judge(name, replay.findings(name)) if row is None]
    assert unlisted == []


@needs_samples
@pytest.mark.parametrize("name", INSTEAD)
def test_where_the_whole_answer_is_another_it_is_this_one(replay: Replay, name: str) -> None:
    answer = replay.answers[name]
    assert (answer.status, answer.body.get("message_code")) == INSTEAD[name]


@needs_samples
def test_every_listed_difference_is_there(replay: Replay) -> None:
    used = [row for name in RECORDED for _, row in judge(name, replay.findings(name))]
    assert [row for row in (*DIFFERENCES, *ADDITIONS) if row not in used] == []


@needs_samples
def test_every_answer_carries_its_transaction_id(replay: Replay) -> None:
    assert [name for name, answer in replay.answers.items() if "x-global-transaction-id" not in answer.headers] == []
    errors = {name: answer for name, answer in replay.answers.items() if b'"message_code":' in answer.raw[:20]}
    traces = {name: answer.body["trace"] for name, answer in errors.items()}
    assert traces == {name: answer.headers["x-global-transaction-id"] for name, answer in errors.items()}


@needs_samples
def test_the_script_replays_every_sample() -> None:
    assert sorted(step for step in SCRIPT if isinstance(step, str)) == sorted(RECORDED)


def test_the_compatibility_page_has_this_table() -> None:
    """Mend it with: python -m tests.acceptance.evalhub.replaying"""
    assert PAGE.read_text().partition(BEGIN)[2].partition(END)[0] == section()
