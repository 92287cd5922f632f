"""`evallab regressions`: what got worse, with corrected p values and the two-sigma rule beside the verdict."""

from tests.integration.cli.command import Command


def test_what_got_worse_comes_first_and_alone(evallab: Command) -> None:
    found = evallab.json("regressions")["standings"]
    assert [(each["model"], each["benchmark"], each["comparison"]["verdict"]) for each in found] == [
        ("demo-q3", "lm_evaluation_harness/demo_arith", "REGRESSION")
    ]
    assert found[0]["q_value"] == 2 * found[0]["comparison"]["p_value"]  # two comparisons were made
    assert found[0]["rule"]["why"] == "0 earlier jobs; the rule needs 5"


def test_all_of_them(evallab: Command) -> None:
    found = evallab.json("regressions", "--all")["standings"]
    assert [(each["model"], each["benchmark"].rpartition("/")[2]) for each in found] == [
        ("demo-q3", "demo_arith"),
        ("demo-q3", "demo_facts"),
        ("demo-f16", "demo_arith"),
        ("demo-f16", "demo_facts"),
    ]
    text = evallab.said("regressions", "--all")
    assert "not compared" in text
    assert "Benjamini-Hochberg" in text


def test_a_gate_in_a_script(evallab: Command) -> None:
    assert evallab("regressions").returncode == 0
    assert evallab("regressions", "--exit-code").returncode == 1
    quiet = evallab("regressions", "--exit-code", "--model", "demo-f16")
    assert (quiet.returncode, quiet.stdout) == (0, "")
    assert quiet.stderr == "No regressions: 0 of 2 newest scores were compared. --all lists them.\n"
