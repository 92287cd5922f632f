"""A part of evallab, or of the cluster, is killed or away while jobs run: with the chart's own single replicas."""

import random
import time

import pytest
from tests.cluster.disturbing import SAMPLES, Place, away, kill
from tests.cluster.installation import NAMESPACE, faulty_job
from tests.cluster.postgres import Database

AWAY_S = 30.0


@pytest.mark.parametrize("part", ["operator", "server"])
def test_a_part_is_killed(place: Place, part: str) -> None:
    """Operator or server is killed while the adapter runs, seconds before its result is there.

    Ends: completed at the first attempt
    Told: nothing
    Kept: everything, once
    Took: 31 (operator), 18 (server)
    """
    name, _ = place.start("samples", parameters={"seconds": 4})
    kill(place.cluster, part)
    status = place.ended(name)
    place.once(status, samples=SAMPLES)
    assert place.evallab.attempts(status["jobId"]) == [("completed", "Completed")]


def test_the_server_is_away_at_result_time(place: Place) -> None:
    """There is no server when the adapter ends, for half a minute.

    Ends: completed at the first attempt: the sidecar keeps what is there and hands it in when it can
    Told: nothing
    Kept: everything, once
    Took: 31
    """
    name, _ = place.start("samples", parameters={"seconds": 5})
    scale = ("scale", "deployment/evallab-server")
    place.cluster.kubectl(*scale, "--replicas=0", namespace=NAMESPACE)
    try:
        time.sleep(AWAY_S)  # the adapter ends meanwhile
    finally:
        place.cluster.kubectl(*scale, "--replicas=1", namespace=NAMESPACE)
        place.disturbed()
    status = place.ended(name)
    place.once(status, samples=SAMPLES)
    assert place.evallab.attempts(status["jobId"]) == [("completed", "Completed")]


def test_postgres_is_away_for_a_minute(place: Place, database: Database) -> None:
    """Postgres is stopped for a minute, in which the adapter ends and another job is made.

    Ends: completed, both, at the first attempt
    Told: nothing
    Kept: everything, once
    Took: 31
    """
    name, _ = place.start("samples", parameters={"seconds": 5})
    database.stop()
    try:
        later = faulty_job("samples", parameters={"seconds": 0})
        place.evallab.apply(later, namespace=place.namespace)
        time.sleep(2 * AWAY_S)  # the adapter ends meanwhile
    finally:
        database.start()
        place.disturbed()
    for each in (name, later["metadata"]["name"]):
        status = place.ended(each)
        place.once(status, samples=SAMPLES)
        assert place.evallab.attempts(status["jobId"]) == [("completed", "Completed")]


def test_the_api_server_is_away(place: Place) -> None:
    """The API server is killed, and started again half a minute later; the adapter ends meanwhile.

    Ends: completed at the first attempt
    Told: nothing
    Kept: everything, once
    Took: 14
    """
    name, _ = place.start("samples", parameters={"seconds": 5})
    with away(place.cluster, "kube-apiserver"):
        time.sleep(AWAY_S)
    place.disturbed()
    status = place.ended(name)
    place.once(status, samples=SAMPLES)
    assert place.evallab.attempts(status["jobId"]) == [("completed", "Completed")]


def test_the_api_server_hangs(place: Place) -> None:
    """The API server answers nobody for half a minute, and closes no connection; the adapter ends meanwhile.

    Ends: completed at the first attempt
    Told: nothing
    Kept: everything, once
    Took: 21
    """
    name, _ = place.start("samples", parameters={"seconds": 5})
    with place.cluster.frozen("kube-apiserver"):
        time.sleep(AWAY_S)
    place.disturbed()
    status = place.ended(name)
    place.once(status, samples=SAMPLES)
    assert place.evallab.attempts(status["jobId"]) == [("completed", "Completed")]


KILLS = 10
#: Whoever comes next need not wait for the Lease of the killed one, so that more kills meet one that works.
_NOBODY_LEADS = ("patch", "lease", "evallab-operator", "--type=merge", "--patch", '{"spec": {"holderIdentity": ""}}')


def test_the_operator_is_killed_at_random(place: Place) -> None:
    """The operator is killed (`kill -9`) ten times, at random moments of as many jobs.

    Ends: completed, all, at the first attempts
    Told: nothing
    Kept: everything, once; one Kubernetes Job was made for each attempt
    Took: 11 after the last kill
    """
    chance = random.Random(20261123)  # noqa: S311 - a test that can be repeated
    names = [f"job-{number}" for number in range(KILLS)]
    for name in names:
        job = faulty_job("samples", name=name, parameters={"seconds": chance.uniform(0, 4)})
        place.evallab.apply(job, namespace=place.namespace)
        time.sleep(chance.uniform(2, 14))
        kill(place.cluster, "operator")
        place.cluster.kubectl(*_NOBODY_LEADS, namespace=NAMESPACE)
    place.disturbed()
    for name in names:
        status = place.ended(name, seconds=240)
        place.once(status, samples=SAMPLES)
        assert place.evallab.attempts(status["jobId"]) == [("completed", "Completed")]
    assert len(place.cluster.list("jobs", namespace=place.namespace)) <= KILLS
