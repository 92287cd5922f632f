"""The rules of the work queue, for any order of adding, taking and finishing."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from evallab.controller.schedule import FIRST_S, LONGEST_S, Schedule


def test_a_key_added_twice_is_taken_once() -> None:
    schedule = Schedule()
    schedule.add("a", 1.0)
    schedule.add("a", 0.0)
    assert [schedule.take(2.0), schedule.take(2.0), len(schedule)] == ["a", None, 0]


def test_what_is_added_while_it_is_worked_on_comes_again() -> None:
    schedule = Schedule()
    schedule.add("a", 0.0)
    schedule.take(0.0)
    schedule.add("a", 0.0)
    during = schedule.take(5.0)
    schedule.done("a", 5.0, "done")
    assert [during, schedule.take(5.0)] == [None, "a"]


def test_pauses_after_failures_grow_to_a_limit_and_a_success_ends_them() -> None:
    schedule, now, pauses = Schedule(), 0.0, []
    schedule.add("a", now)
    for _ in range(9):
        assert schedule.take(now) == "a"
        schedule.done("a", now, "failed")
        due = schedule.next_at()
        assert due is not None
        pauses.append(due - now)
        now = due
    schedule.take(now)
    schedule.done("a", now, "done")
    assert pauses == [FIRST_S * 2**n for n in range(6)] + [LONGEST_S] * 3
    assert [schedule.next_at(), schedule.failures("a")] == [None, 0]


def test_news_do_not_shorten_a_pause_but_a_change_by_its_owner_does() -> None:
    schedule = Schedule()
    schedule.add("a", 0.0)
    schedule.take(0.0)
    schedule.done("a", 0.0, "failed")
    schedule.add("a", 0.1)
    patient = schedule.take(0.2)
    schedule.add("a", 0.2, fresh=True)
    assert [patient, schedule.take(0.2)] == [None, "a"]


def test_a_change_while_the_work_fails_is_looked_at_at_once() -> None:
    schedule = Schedule()
    schedule.add("a", 0.0)
    schedule.take(0.0)
    schedule.add("a", 0.0, fresh=True)
    schedule.done("a", 1.0, "failed")
    assert schedule.take(1.0) == "a"


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 9)), max_size=40))
def test_keys_come_in_the_order_in_which_they_are_due(added: list[tuple[str, int]]) -> None:
    schedule, earliest = Schedule(), dict[str, int]()
    for key, at in added:
        schedule.add(key, at)
        earliest[key] = min(at, earliest.get(key, at))
    taken = []
    while (due := schedule.take(9.0)) is not None:
        taken.append(due)
    assert sorted(taken) == sorted(earliest)
    assert [earliest[key] for key in taken] == sorted(earliest.values())


class Working(RuleBasedStateMachine):
    """Keys are added, taken, finished and fail in any order, and time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule, self.now = Schedule(), 0.0
        self.busy: set[str] = set()
        self.wanted: set[str] = set()

    @rule(key=st.sampled_from("abc"), after=st.floats(0, 3), fresh=st.booleans())
    def add(self, key: str, after: float, fresh: bool) -> None:
        self.schedule.add(key, self.now + after, fresh=fresh)
        self.wanted.add(key)

    @rule()
    def take(self) -> None:
        taken = self.schedule.take(self.now)
        if taken is not None:
            assert taken not in self.busy
            assert taken in self.wanted
            self.busy.add(taken)
            self.wanted.discard(taken)

    @rule(good=st.booleans(), again=st.none() | st.floats(0, 3))
    def done(self, good: bool, again: float | None) -> None:
        if self.busy:
            key = min(self.busy)
            self.busy.discard(key)
            self.schedule.done(key, self.now, "done" if good else "failed", again_in=again)
            self.wanted |= {key} if again is not None or not good else set()

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def nothing_is_lost(self) -> None:
        waiting = self.wanted - self.busy
        assert (self.schedule.next_at() is None) == (not waiting)
        assert len(self.schedule) == len(self.wanted)


TestWorking = Working.TestCase
