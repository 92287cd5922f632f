"""Scores as the flat `metrics` of an event: the only form that EvalHub's clients know. Used by `running`."""

from collections.abc import Sequence

from evallab.api.contract import Json, ScoreValue


def by_name(scores: Sequence[ScoreValue], primary_score: Json | None) -> Json:
    """Name each score `metric` (its first or primary filter) or `metric,filter`; add the name the job asked for."""
    speaks = {score.metric: score for score in reversed(scores)}
    speaks |= {score.metric: score for score in scores if score.primary}
    named: Json = {}
    for score in scores:
        plain = speaks[score.metric] is score
        named[score.metric if plain else f"{score.metric},{score.filter}"] = score.value
    asked = (primary_score or {}).get("metric")
    for score in scores:
        if asked == f"{score.metric},{score.filter}":
            named[asked] = score.value
    return named


def primary_value(scores: Sequence[ScoreValue]) -> float | None:
    """Return the primary score, if there is one."""
    return next((score.value for score in scores if score.primary), None)
