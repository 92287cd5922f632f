"""When a watch counts as dead."""

from evallab.controller.watchdog import LATE_S, Watchdog


def test_what_was_written_must_come_back_while_the_api_server_answers() -> None:
    dog = Watchdog()
    dog.expect("u1", "10", 0.0)
    dog.answered(LATE_S + 1)
    assert dog.dead(LATE_S + 2) == "no event for EvalJob u1 within 120 s"


def test_a_newer_version_or_the_end_of_the_object_will_do() -> None:
    for version in ("10", "11", ""):
        dog = Watchdog()
        dog.expect("u1", "10", 0.0)
        dog.arrived("u1", version)
        dog.answered(1000)
        assert dog.dead(1000) == ""


def test_an_older_version_and_another_object_will_not() -> None:
    dog = Watchdog()
    dog.expect("u1", "10", 0.0)
    dog.arrived("u1", "9")
    dog.arrived("u2", "11")
    dog.answered(1000)
    assert dog.dead(1000)


def test_time_without_an_api_server_does_not_count() -> None:
    dog = Watchdog()
    dog.expect("u1", "10", 0.0)
    assert dog.dead(1000) == ""
