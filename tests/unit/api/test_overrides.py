"""`--set path=value` before validation."""

import pytest

from evallab.api.errors import UsageError
from evallab.api.overrides import apply_sets
from evallab.api.path import parse, render


def test_values_are_yaml_and_the_original_stays() -> None:
    data = {"spec": {"benchmarks": [{"id": "a"}], "retries": 2}}
    sets = ["spec.retries=0", "spec.benchmarks[1].id=b", "spec.sampling={seed: 1}", 'metadata.labels["a.b/c"]=x']
    assert apply_sets(data, sets) == {
        "spec": {"benchmarks": [{"id": "a"}, {"id": "b"}], "retries": 0, "sampling": {"seed": 1}},
        "metadata": {"labels": {"a.b/c": "x"}},
    }
    assert data == {"spec": {"benchmarks": [{"id": "a"}], "retries": 2}}


def test_later_ones_win_and_nothing_is_null() -> None:
    assert apply_sets({}, ["a=1", "a=", "b=x=y"]) == {"a": None, "b": "x=y"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("spec.retries", "there is no '='"),
        ("=1", "the path of the field is empty"),
        ("spec..x=1", "is not the path of a field"),
        (".x=1", "is not the path of a field"),
        ("a[x]=1", "is not the path of a field"),
        ("a b=1", "is not the path of a field"),
        ("a=[1", "the value is wrong"),
        ("a=.nan", "cannot be used as a number"),
        ("b[0]=1", "b is not a list"),
        ("c[2]=1", "c has only 1 entries"),
        ("b.c.d=1", "b.c is not a mapping of fields"),
    ],
)
def test_mistakes_are_named(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        apply_sets({"b": {"c": 1}, "c": [0]}, [text])
    assert sentence in str(caught.value).replace("The path", "the path")


def test_paths_are_read_as_they_are_written() -> None:
    path = ("metadata", "annotations", "evallab.dev/x", 3, "y")
    assert render(path) == 'metadata.annotations["evallab.dev/x"][3].y'
    assert parse(render(path)) == path
