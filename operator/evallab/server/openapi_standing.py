"""What `routes.standing` answers, for the description of the API, with an example each. For `openapi_shapes`."""

from collections.abc import Mapping

from evallab.server.openapi_pieces import Json, anything, fields, flag, list_of, moment, number, ref, text, whole

_ID, _OTHER = "7c9f1c0e-2b1d-4b57-9c7e-5d0f6a1b2c3d", "1f0d9e8c-7b6a-4958-8736-251403f2e1d0"
_DIFFERING = fields(
    "One fact that differs. A side is a value, or why it is unknown.",
    "path group label ours theirs",
    path=text("Where it stands in the record."),
    group=text(),
    label=text(),
    ours=fields("What this job says.", "value unknown", value={}, unknown=text("Why it says nothing, or empty.")),
    theirs=fields("What the other job says.", "value unknown", value={}, unknown=text()),
)
_KEY = fields(
    "Whether two keys are equal (null: one is unknown), and the parts of them that differ.",
    "equal explained_by",
    equal={"type": ["boolean", "null"]},
    explained_by=list_of(ref("DifferingFact")),
)
_DIFFERENCE = fields(
    "What ran otherwise in another job. Times and the course of a job are left out: they differ always.",
    "schema equal job name other other_name setup facts benchmarks only",
    schema=text("", "evallab.provenance-difference/1"),
    equal=flag("Nothing differs that is known of both."),
    job=text(),
    name=text(),
    other=text(),
    other_name=text(),
    setup=ref("KeyDifference"),
    facts=list_of(ref("DifferingFact")),
    benchmarks=list_of(
        fields(
            "A benchmark that both have.",
            "benchmark index other_index question facts",
            benchmark=text("provider/id"),
            index=whole(),
            other_index=whole(),
            question=ref("KeyDifference"),
            facts=list_of(ref("DifferingFact")),
        )
    ),
    only=list_of(list_of(text()), "Benchmarks that one of them has, with its id."),
)
_STANDINGS = fields(
    "The newest score of every model on every benchmark; what got worse comes first.",
    "schema standings",
    schema=text("", "evallab.regressions/1"),
    standings=list_of(
        fields(
            "One model on one benchmark.",
            "model benchmark job job_name score comparison q_value rule",
            model=text(),
            benchmark=text("provider/id"),
            job=text(),
            job_name=text(),
            score=number(),
            comparison={"type": ["object", "null"], "description": "With the job before, paired."},
            q_value=number("p, corrected for all of the table.", null=True),
            rule=anything("The 2σ rule; it decides nothing."),
        )
    ),
)
_HISTORY = fields(
    "The scores of a model, or of a family, on a benchmark: answers to the same questions, oldest first.",
    "schema name benchmark metric points",
    schema=text("", "evallab.history/1"),
    name=text("The model or family."),
    benchmark=text("provider/id"),
    metric=text(),
    filter=text(),
    question_key={"type": ["string", "null"]},
    limited=flag("Not all questions of the benchmark were asked."),
    others=whole("Scores left out: other questions."),
    points=list_of(
        fields("One job.", "job score ended_at", job=text(), score=number(), ended_at=moment("When it ended."))
    ),
)
_REPRODUCTION = fields(
    "A job and its repetition: per benchmark how many answers and scores changed, and the verdict.",
    "schema job name repetition benchmarks",
    schema=text("", "evallab.reproduction/1"),
    job=text(),
    name=text(),
    repetition=text("The id of the other job."),
    benchmarks=list_of(
        fields(
            "One benchmark; `found` is null where nothing can be compared, and `why` says why.",
            "index benchmark metric found why",
            index=whole(),
            benchmark=text("provider/id"),
            metric=text(),
            found={"type": ["object", "null"], "description": "verdict, n, texts, flips, delta, window, p_value."},
            why=text(),
        )
    ),
)
_FOUND = {
    "verdict": "within",
    "n": 200,
    "texts": 3,
    "flips": 1,
    "delta": -0.005,
    "window": 0.005,
    "p_value": 1.0,
    "why": "1 of 200 scores flipped",
}
_SIDES = {"ours": {"value": "0.31.0", "unknown": ""}, "theirs": {"value": "0.32.0", "unknown": ""}}
_FACT = {"path": "model_server.server.version", "group": "Model server", "label": "version", **_SIDES}
_PART = {"path": "server.version", "group": "Setup key", "label": "server.version", **_SIDES}
EXAMPLES: Mapping[str, Json] = {
    "ProvenanceDifference": {
        "schema": "evallab.provenance-difference/1",
        "equal": False,
        "job": _ID,
        "name": "qwen3-8b",
        "other": _OTHER,
        "other_name": "qwen3-8b",
        "setup": {"equal": False, "explained_by": [_PART]},
        "facts": [_FACT],
        "benchmarks": [],
        "only": [],
    },
    "Standings": {"schema": "evallab.regressions/1", "standings": []},
    "History": {
        "schema": "evallab.history/1",
        "name": "qwen3-8b",
        "benchmark": "lm_evaluation_harness/gsm8k",
        "metric": "exact_match",
        "filter": "strict-match",
        "question_key": "5f" * 32,
        "limited": False,
        "others": 0,
        "points": [{"job": _ID, "score": 0.865, "ended_at": "2026-11-23T02:10:00+00:00"}],
    },
    "Reproduction": {
        "schema": "evallab.reproduction/1",
        "job": _ID,
        "name": "qwen3-8b",
        "repetition": _OTHER,
        "benchmarks": [
            {
                "index": 0,
                "benchmark": "lm_evaluation_harness/gsm8k",
                "metric": "exact_match",
                "found": _FOUND,
                "why": "",
            }
        ],
    },
}
_SHAPES: Mapping[str, Json] = {
    "DifferingFact": _DIFFERING,
    "KeyDifference": _KEY,
    "ProvenanceDifference": _DIFFERENCE,
    "Standings": _STANDINGS,
    "History": _HISTORY,
    "Reproduction": _REPRODUCTION,
}
STANDING: Mapping[str, Json] = {
    name: shape | ({"examples": [EXAMPLES[name]]} if name in EXAMPLES else {}) for name, shape in _SHAPES.items()
}
