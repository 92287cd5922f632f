"""The rounds themselves: jobs are asked for, somebody is killed, everything starts again; at the end it is judged.

Used by the command (`__main__`) and by the short form in the tests (`test_rounds`).
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.acceptance.evalhub.rounds import facts
from tests.acceptance.evalhub.rounds.asking import PROVIDERS, Client, make_provider, patient
from tests.acceptance.evalhub.rounds.judging import Evidence, violations
from tests.acceptance.evalhub.rounds.planning import Round, planned
from tests.acceptance.evalhub.rounds.world import World
from tests.acceptance.evalhub.running import JOBS

UNFINISHED = 7  #: so many jobs at most when a round begins
ERRORS = ("action=give_up", "a request failed", "Task exception")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    seed: int
    rounds: int
    seconds: float
    killed: dict[str, int]
    evidence: Evidence
    violated: dict[str, list[str]]
    refused_starts: int

    @property
    def fine(self) -> bool:
        return not any(self.violated.values())


@dataclass
class Rounds:
    """Some rounds in one home."""

    world: World
    seed: int
    say: Say
    clients: list[Client] = field(default_factory=list)
    running: "list[Future[Client]]" = field(default_factory=list)
    providers: list[str] = field(default_factory=list)

    def run(self, number: int) -> Outcome:
        """Play the rounds, wait for the end of every job, and judge."""
        began = time.monotonic()
        self.world.start()
        with ThreadPoolExecutor(64) as pool:
            for each in range(number):
                self._round(planned(self.seed, each), pool)
            self.say("waiting for the last jobs to end")
            for future in self.running:
                future.result()
        facts.settled(self.world, {client.job_id for client in self.clients})
        evidence = self._evidence()
        return Outcome(
            seed=self.seed,
            rounds=number,
            seconds=time.monotonic() - began,
            killed=dict(sorted(self.world.killed.items())),
            evidence=evidence,
            violated=violations(evidence),
            refused_starts=len(self.world.refused_starts),
        )

    def _round(self, plan: Round, pool: ThreadPoolExecutor) -> None:
        rng = random.Random(f"{self.seed}/{plan.number}/victims")  # noqa: S311
        for wish in plan.wishes:
            self.clients.append(Client(self.world.server, wish, self.world.home / "done"))
            self.running.append(pool.submit(self.clients[-1].run))
        if plan.provider and (made := make_provider(self.world.server, f"made-{plan.number}")):
            self.providers.append(made)
        time.sleep(plan.moment_s)
        hit = self._kill(plan, rng)
        if not self.world.up():
            time.sleep(plan.pause_s)
            self.world.start()
        self._drain()
        left = len(self._unfinished())
        self.say(
            f"round {plan.number + 1}: {plan.moment_s:.2f} s, killed {', '.join(hit) or 'nobody'}; {left} jobs go on"
        )

    def _kill(self, plan: Round, rng: random.Random) -> list[str]:
        hit = []
        for number, victim in enumerate(plan.victims):
            if number:
                time.sleep(plan.between_s)
            if victim == "server" and not self.world.up():  # the second time while it starts
                self.world.begin()
                time.sleep(rng.uniform(0.1, 1.5))
            if self.world.kill(victim, rng):
                hit.append(victim)
        return hit

    def _unfinished(self) -> "Sequence[Future[Client]]":
        return [each for each in self.running if not each.done()]

    def _drain(self) -> None:
        while len(self._unfinished()) > UNFINISHED:
            time.sleep(0.1)

    def _evidence(self) -> Evidence:
        there = {each["resource"]["id"] for each in self._get(f"{PROVIDERS}?limit=0")["items"]}
        known = [client for client in self.clients if client.job_id]
        questions = {
            (client.job_id, index): benchmark["parameters"]["questions"]
            for client in known
            for index, benchmark in enumerate(client.wish.benchmarks)
            if benchmark["provider_id"] == "writing"
        }
        return Evidence(
            acknowledged=[*self.world.acknowledged(), *(ack for client in known for ack in client.acknowledged)],
            cancelled=frozenset(client.job_id for client in known if client.cancelled),
            keys={client.wish.key: client.job_id for client in known},
            questions=questions,
            shown={client.job_id: self._get(f"{JOBS}/{client.job_id}") for client in known},
            providers={each: each in there for each in self.providers},
            facts=facts.read(self.world),
            surprises=[*(each for client in self.clients for each in client.surprises), *self._complaints()],
        )

    def _get(self, path: str) -> "dict[str, list[dict[str, dict[str, str]]]]":
        return dict(patient(self.world.server, "GET", path, expected=(200,)).body)

    def _complaints(self) -> list[str]:
        """What the server itself found wrong."""
        lines = self.world.server.log.read_text(errors="replace").splitlines()
        return [line[:3000] for line in lines if any(each in line for each in ERRORS)]


def summary(outcome: Outcome) -> str:
    """Return the table that is printed."""
    seen, held = outcome.evidence, outcome.evidence.facts
    acks = {(row["job"], row["index"]) for row in seen.acknowledged}
    quiet = sum((row["job_id"], row["index"]) not in acks for row in held.results)
    rows = [
        ("rounds", f"{outcome.rounds} with seed {outcome.seed}, in {outcome.seconds:.0f} s"),
        ("killed with -9", _counted(outcome.killed)),
        ("server starts that failed", str(outcome.refused_starts)),
        ("jobs", _counted(Counter(row["state"] for row in held.jobs))),
        ("benchmarks", _counted(Counter(row["state"] for row in held.benchmarks))),
        ("attempts", _counted(Counter(row["reason"] for row in held.attempts))),
        ("results acknowledged", _counted(Counter(row["how"] for row in seen.acknowledged))),
        ("results in Postgres", f"{len(held.results)}, {quiet} of them unacknowledged"),
        ("samples", str(sum(row["samples"] for row in held.results))),
        ("providers made over REST", str(len(seen.providers))),
    ]
    rows += [(rule, "yes" if not said else f"NO: {len(said)}") for rule, said in outcome.violated.items()]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def details(outcome: Outcome) -> str:
    """Return every violation."""
    lines = [f"{rule}: {each}" for rule, said in outcome.violated.items() for each in said[:20]]
    return "\n".join(lines)


def _counted(numbers: "Counter[str] | dict[str, int]") -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(numbers.items(), key=lambda each: str(each[0])))
