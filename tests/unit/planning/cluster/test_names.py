"""Names are valid for any id, and different ids have different names."""

import re

from hypothesis import given
from hypothesis import strategies as st

from evallab.planning.cluster import labels, names
from evallab.planning.cluster.plan import Owner

DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
texts = st.text(max_size=300)
owners = st.builds(Owner, namespace=texts, name=texts, uid=texts)


@given(owner=owners, attempt_id=texts, index=st.integers(0, 999), number=st.integers(1, 999), start=st.integers(0, 99))
def test_every_name_is_valid(owner: Owner, attempt_id: str, index: int, number: int, start: int) -> None:
    """`/`, `:`, capitals, digits first, nothing at all: always a DNS label that leaves room for suffixes."""
    job = names.attempt_job(owner, index=index, number=number, attempt_id=attempt_id)
    found = [
        job,
        names.attempt_config(job),
        names.attempt_policy(job),
        names.server_job(owner, start=start),
        names.server_service(owner),
        names.server_policy(owner),
    ]
    assert [name for name in found if not DNS_LABEL.fullmatch(name) or len(name) > 52] == []


@given(st.lists(texts, unique=True, min_size=2, max_size=20))
def test_different_attempts_have_different_names(attempt_ids: list[str]) -> None:
    """Also where the readable part is the same."""
    owner = Owner(namespace="n", name="j" * 300, uid="u")
    found = {names.attempt_job(owner, index=0, number=1, attempt_id=each) for each in attempt_ids}
    assert len(found) == len(attempt_ids)


def test_jobs_of_one_name_that_follow_each_other_do_not_meet() -> None:
    """An EvalJob that is deleted and made again under its name has another uid."""
    first, second = (Owner(namespace="n", name="nightly", uid=uid) for uid in ("a", "b"))
    assert names.server_service(first) != names.server_service(second)
    assert names.server_job(first, start=0) != names.server_job(first, start=1) != names.server_job(second, start=1)
    assert names.server_job(first, start=0) not in {names.server_service(first), names.server_service(second)}


@given(texts, texts)
def test_label_values_are_valid_and_tell_texts_apart(one: str, other: str) -> None:
    """An id that is a label value already stays as it is."""
    for raw in (one, other):
        value = labels.value(raw)
        assert LABEL_VALUE.fullmatch(value)
        assert len(value) <= 63
        assert value == raw or not LABEL_VALUE.fullmatch(raw) or len(raw) > 63
    assert (labels.value(one) == labels.value(other)) == (one == other)


def test_readable_as_far_as_there_is_room() -> None:
    """People recognise their job in `kubectl get pods`."""
    owner = Owner(namespace="n", name="Qwen/Qwen3:8b_awq", uid="u")
    assert re.sub(r"[0-9a-f]{10}$", "HASH", names.attempt_job(owner, index=3, number=2, attempt_id="x")) == (
        "qwen-qwen3-8b-awq-3-2-HASH"
    )
