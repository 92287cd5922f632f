"""Two of something at the same time."""

import asyncio
from pathlib import Path

import psycopg
from tests.integration.faults.command import Command, wait_for
from tests.integration.faults.jobs import ANSWERED, CATALOG, environ, job, run, values

from evallab.local.lab import open_lab
from evallab.settings import Settings


async def test_two_jobs_at_once(settings: Settings, tmp_path: Path) -> None:
    """Two commands run a job each at the same time.

    Ends: completed, both, one after the other; the second waits for its turn
    Told: whose turn it is, while it waits
    Kept: every sample of both, once
    """
    turn = tmp_path / "turn"
    script = f"Path({str(turn)!r}).mkdir(); time.sleep(1); Path({str(turn)!r}).rmdir(); {ANSWERED}"

    async def one(name: str) -> None:
        async with open_lab(settings, CATALOG, environ=environ()) as own:
            done = await run(own, job(script, name=name))
            assert (done.job.state, len(done.attempts)) == ("completed", 1), done.job.message
            assert await values(own, done) == [1.0, 0.0, 1.0]

    await asyncio.gather(one("a"), one("b"))


AT_THE_SECOND_TIME = f"""
tried = Path(os.environ["EVALLAB_WORKDIR"], "tried")
if not tried.exists():
    tried.touch()
    sys.exit(1)
time.sleep(3)
{ANSWERED}
"""


def test_two_commands_resume_one_job(home: Path, database_url: str) -> None:
    """Two commands resume the same job at the same time.

    Ends: completed, by one of them; the other ends with 2
    Told: the other: that another evallab process works on the job, and how to look at it
    Kept: every sample, once
    """
    command = Command(home, {"EVALLAB_DATABASE_URL": database_url})
    manifest = command.manifest(AT_THE_SECOND_TIME)
    assert command.run("run", "-f", str(manifest), "--local") == 3
    both = [command.start("resume", "job", "--local") for _ in range(2)]
    codes = sorted(process.wait() for process in both)
    assert codes == [0, 2], command.said
    wait_for(lambda: not command.processes())
    with psycopg.connect(database_url) as connection:
        attempts = connection.execute("SELECT state FROM attempts ORDER BY created_at").fetchall()
        [[samples]] = connection.execute("SELECT count(*) FROM samples").fetchall()
    assert ([state for (state,) in attempts], samples) == (["failed", "completed"], 3)
