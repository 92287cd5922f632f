"""The parameter `cluster`: a column of the documents says which questions belong together."""

from types import SimpleNamespace
from typing import Any

import pytest

from evallab.api.errors import AdapterFailed
from evallab_adapters.lm_eval_harness.questions import Question
from evallab_adapters.lm_eval_harness.rows import LONGEST_CLUSTER, cluster_of, sha256


def question(doc: Any) -> Question:
    return Question("race", 3, 3, [SimpleNamespace(doc=doc)])


def test_the_value_of_the_column_is_the_cluster() -> None:
    assert cluster_of(question({"article_id": 7, "question": "?"}), "article_id") == "7"


def test_a_long_value_is_its_hash() -> None:
    passage = "x" * (LONGEST_CLUSTER + 1)
    assert cluster_of(question({"article": passage}), "article") == sha256(passage)


@pytest.mark.parametrize(("doc", "known"), [({"article": "a", "answer": 1}, "article, answer"), ("a text", "none")])
def test_a_column_that_is_not_there_is_named(doc: Any, known: str) -> None:
    with pytest.raises(AdapterFailed, match="The documents of race have no column 'passage'") as raised:
        cluster_of(question(doc), "passage")
    assert raised.value.remedy == f"Its columns: {known}."
