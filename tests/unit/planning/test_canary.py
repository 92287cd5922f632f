"""Comparing passes of the canary and judging them, without a server."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evallab.api.job import Benchmark, EvalJob, InProcess, Model, Serve, TestData
from evallab.planning import canary
from evallab.planning.canary import Verdict, findings, judge, none_because
from evallab.planning.canary_passes import ROUNDING, SAME, Answer, Pass, compare, differing

URL = Model(name="m", url="http://127.0.0.1:8000/v1")
ONE = Answer(text="ab", tokens=("a", "b"), logprobs=(-0.1, -0.5), gaps=(2.0, 0.1), finish="length", prompt_tokens=7)


def asked(*answers: Answer | None, **fields: Any) -> Pass:
    return replace(Pass(prompts="1", route="chat", detail="tokens", context=512, answers=answers), **fields)


def drifted(size: float) -> Answer:
    return replace(ONE, logprobs=(-0.1, -0.5 - size))


@pytest.mark.parametrize(
    ("other", "outcome", "why"),
    [
        (ONE, "identical", ""),
        (drifted(SAME / 2), "identical", ""),
        (drifted(SAME * 2), "numeric_drift", ""),
        (drifted(ROUNDING * 0.9), "numeric_drift", ""),
        (drifted(ROUNDING * 1.1), "changed", "prompt 1 has the same tokens with log-probabilities 0.275 apart"),
        # where two tokens are nearly equal rounding may decide, elsewhere it may not
        (replace(ONE, tokens=("a", "c"), text="ac"), "numeric_drift", "goes another way where two tokens were nearly"),
        (replace(ONE, tokens=("c", "b"), text="cb"), "changed", "prompt 1 is answered differently from token 1 on"),
        (
            replace(ONE, tokens=("a", "c"), text="ac", gaps=(2.0, 1.0)),
            "changed",
            "prompt 1 is answered differently from token 2 on",
        ),
        # cut off, though what is there is equal
        (replace(ONE, tokens=("a",), text="a", gaps=(2.0,)), "changed", "prompt 1 is cut off differently from token 2"),
        (replace(ONE, prompt_tokens=9), "changed", "prompt 1 has 9 tokens now, and had 7"),
        (Answer(refused=400), "changed", "prompt 1 is refused now (HTTP 400)"),
    ],
)
def test_two_answers(other: Answer, outcome: str, why: str) -> None:
    found = compare(asked(ONE), asked(other))
    assert found.outcome == outcome
    assert why in found.why


def test_what_both_refuse_is_identical() -> None:
    assert compare(asked(Answer(refused=400)), asked(Answer(refused=400))).outcome == "identical"


def test_another_route_or_a_shorter_context_is_another_server() -> None:
    assert compare(asked(ONE), asked(ONE, route="completions")).outcome == "changed"
    assert compare(asked(ONE), asked(ONE, context=256)).outcome == "changed"
    assert compare(asked(ONE), asked(ONE, context=1024)).outcome == "identical"


def test_texts_alone_count_only_where_the_server_repeats_itself() -> None:
    old, new = asked(Answer(text="x"), detail="text"), asked(Answer(text="y"), detail="text")
    assert compare(old, new).outcome == "changed"
    assert compare(old, new, frozenset({0})).outcome == "numeric_drift"


def test_ids_and_names_of_tokens_are_compared_as_text() -> None:
    ids = replace(ONE, tokens=("token_id:1", "token_id:2"))
    assert compare(asked(ONE), asked(ids, detail="token ids")).outcome == "identical"


SAMPLED = Answer(text="zz", tokens=("z", "z"), twin=0)
OTHER = Answer(text="yy", tokens=("y", "y"), twin=0)
GREEDY = replace(ONE, twin=0)


@pytest.mark.parametrize(
    ("before", "now", "unsteady", "outcome"),
    [
        (GREEDY, GREEDY, False, "identical"),
        (SAMPLED, SAMPLED, False, "identical"),
        (SAMPLED, OTHER, False, "changed"),
        (SAMPLED, OTHER, True, "identical"),  # the seed is not honoured: nothing is said
        (GREEDY, SAMPLED, True, "changed"),  # greedy by default before, and not now
        (SAMPLED, GREEDY, False, "changed"),
    ],
)
def test_a_prompt_without_a_temperature_shows_the_servers_default(
    before: Answer, now: Answer, unsteady: bool, outcome: str
) -> None:
    places = frozenset({1}) if unsteady else frozenset()
    assert compare(asked(ONE, before), asked(ONE, now), places).outcome == outcome


def test_another_draw_says_nothing_where_log_probabilities_drift_anyway() -> None:
    found = compare(asked(ONE, SAMPLED), asked(drifted(0.1), OTHER))
    assert (found.outcome, found.differing) == ("numeric_drift", 1)
    assert compare(asked(ONE, GREEDY), asked(drifted(0.1), SAMPLED)).outcome == "changed"


def test_nothing_answered_is_unknown_with_its_reason() -> None:
    found = compare(asked(ONE), asked(None, missing="it is silent"))
    assert (found.outcome, found.why) == ("unknown", "it is silent")


ANSWERS = st.sampled_from(
    [
        Answer(refused=400),
        Answer(text="ab"),
        Answer(text="ac", finish="stop"),
        ONE,
        drifted(0.1),
        drifted(1.0),
        replace(ONE, tokens=("a",), gaps=(0.1,), finish="stop"),
        replace(ONE, tokens=("c", "b"), gaps=None, logprobs=None),
        replace(ONE, prompt_tokens=None),
    ]
)
PASSES = st.lists(st.none() | ANSWERS, max_size=4).map(lambda answers: asked(*answers))


@given(PASSES)
def test_a_pass_is_what_it_was_after_it_was_kept_and_equals_itself(one: Pass) -> None:
    assert Pass.from_json(json.loads(json.dumps(one.to_json()))) == one
    assert compare(one, one).outcome in {"identical", "unknown"}
    assert (compare(one, one).outcome == "identical") == (one.answered > 0)


@given(PASSES, PASSES)
def test_who_came_first_does_not_matter_to_the_outcome(one: Pass, other: Pass) -> None:
    unsteady = differing(one, other)
    ours, theirs = compare(one, other, unsteady), compare(other, one, unsteady)
    assert (ours.outcome, ours.drift, ours.differing) == (theirs.outcome, theirs.drift, theirs.differing)


def test_the_first_of_a_setup_is_compared_with_nothing_and_may_be_the_next_ones_baseline() -> None:
    passes = {"alone": asked(ONE), "at_once": asked(ONE), "again": asked(ONE)}
    found = judge(passes, None, policy="Enforce")
    assert (found.outcome, found.within, found.batch_effect, found.usable) == ("first", "identical", "identical", True)
    assert findings(asdict(found), "Enforce") == ()


def test_the_batch_effect_is_recorded_and_no_finding() -> None:
    far = replace(ONE, tokens=("c", "b"), text="cb")
    found = judge({"alone": asked(ONE), "at_once": asked(far), "again": asked(ONE)}, None, policy="Enforce")
    assert (found.batch_effect, found.batch_differing) == ("changed", 1)
    assert findings(asdict(found), "Enforce") == ()


@pytest.mark.parametrize(("policy", "verdict", "usable"), [("Enforce", "invalid", False), ("Warn", "degraded", True)])
def test_a_change_since_the_last_valid_job(policy: Any, verdict: str, usable: bool) -> None:
    passes = {"alone": asked(drifted(1.0)), "again": asked(drifted(1.0))}
    found = judge(passes, ("0123456789", {"alone": asked(ONE)}), policy=policy)
    assert (found.outcome, found.usable) == ("changed", usable)
    [finding] = findings(asdict(found), policy)
    assert (finding.verdict, finding.touches) == (verdict, frozenset({"scores"}))
    assert finding.reason.startswith("CanaryDrift: the model server is not what it was in job 01234567: prompt 1")


@pytest.mark.parametrize(("policy", "verdict"), [("Enforce", "invalid"), ("Warn", "degraded")])
def test_a_change_within_a_job_touches_everything_and_is_no_baseline(policy: Any, verdict: str) -> None:
    found = judge({"alone": asked(ONE), "again": asked(drifted(1.0))}, None, policy=policy)
    assert (found.outcome, found.within, found.usable) == ("first", "changed", False)
    [finding] = findings(asdict(found), policy)
    assert (finding.verdict, finding.touches) == (verdict, frozenset({"scores", "throughput"}))
    assert finding.reason.startswith("CanaryChanged: the model server changed while the job ran: prompt 1")


def test_small_drift_degrades_only_where_the_server_repeats_itself() -> None:
    earlier = ("0123456789", {"alone": asked(ONE)})
    steady = judge({"alone": asked(drifted(0.1)), "again": asked(drifted(0.1))}, earlier, policy="Enforce")
    noisy = judge({"alone": asked(drifted(0.1)), "again": asked(drifted(0.05))}, earlier, policy="Enforce")
    assert (steady.outcome, noisy.outcome) == ("numeric_drift", "numeric_drift")
    assert [each.verdict for each in findings(asdict(steady), "Enforce")] == ["degraded"]
    assert findings(asdict(steady), "Warn") == findings(asdict(noisy), "Enforce") == ()


def test_without_answers_nothing_is_known_and_nothing_is_said() -> None:
    silent = asked(None, missing="it is silent")
    found = judge({"alone": silent, "at_once": silent, "again": silent}, ("x", {"alone": asked(ONE)}), policy="Enforce")
    assert (found.outcome, found.why, found.within, found.usable) == ("unknown", "it is silent", "unknown", False)
    assert findings(asdict(found), "Enforce") == findings(None, "Enforce") == ()
    assert findings({"outcome": "none", "why": "switched off"}, "Off") == ()


def test_a_job_whose_prompts_were_never_asked() -> None:
    assert judge({}, None, policy="Enforce") == Verdict(
        policy="Enforce",
        outcome="unknown",
        why="the prompts were not asked before the benchmarks",
        within_why="the prompts were not asked again",
    )


SECRET = Model(name="m", url="http://x/v1", secret_ref="key")
SERVED = Model(name="m", serve=Serve(runtime="reference"), secret_ref="key")
RECORDED = Benchmark(provider_id="p", id="b", test_data=TestData(type="pre_recorded_data", path="x"))


@pytest.mark.parametrize(
    ("job", "runtime", "why"),
    [
        ({"model": URL}, "local", ""),
        ({"model": URL, "canary": "Warn"}, "local", ""),
        ({"model": URL, "canary": "Off"}, "local", "switched off"),
        ({"model": URL}, "imported", "its results were imported"),
        ({"model": URL}, "kubernetes", canary.ELSEWHERE),
        ({"model": SERVED, "canary": "Enforce"}, "kubernetes", ""),
        ({"model": SECRET}, "local", ""),
        ({"model": SECRET, "canary": "Off"}, "kubernetes", "switched off"),
        ({"model": Model(name="m", in_process=InProcess(backend="hf"))}, "local", "the model runs inside the harness"),
        ({"model": URL, "benchmarks": (RECORDED,)}, "local", "the answers were recorded earlier"),
        ({"model": Model(name="m")}, "local", "there is no model server to ask"),
    ],
)
def test_why_a_job_has_no_canary(job: dict[str, Any], runtime: str, why: str) -> None:
    assert none_because(EvalJob(name="j", **job), runtime) == why
