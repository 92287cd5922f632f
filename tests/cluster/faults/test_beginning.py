"""Pods that a cluster refuses, cannot place, or cannot begin."""

from tests.cluster.disturbing import Place, altered, outcome
from tests.cluster.running import Json


def refused(place: Place, status: Json, reason: str, *words: str) -> None:
    """Require a failure after one attempt, with its reason, and with these words for the user."""
    assert outcome(status) == ("Failed", reason)
    assert place.evallab.attempts(status["jobId"]) == [("failed", reason)]
    assert [word for word in words if word not in status["message"]] == [], status["message"]


def test_an_image_is_missing(place: Place) -> None:
    """The image of the provider cannot be pulled.

    Ends: failed, `ImagePullFailed`, after the chart's `attempts.imageSeconds` (here 15); not retried
    Told: the image and the registry's words; check its name and tag, and the chart's `imagePullSecrets`
    Kept: events
    Took: 28
    """
    status = place.run("ok", benchmark={"providerId": "nowhere"})
    refused(place, status, "ImagePullFailed", "nowhere.invalid/nothing:1", "Check its name and tag")


def test_an_image_of_a_model_server_is_missing(place: Place) -> None:
    """The image of the model server cannot be pulled.

    Ends: failed, `ModelServerFailed`, after `attempts.imageSeconds` (here 15)
    Told: the image and the registry's words; check its name and tag, and the chart's `imagePullSecrets`
    Kept: nothing ran
    Took: 19
    """
    image = {"image": "nowhere.invalid/nothing:1", "port": 8000, "healthPath": "/"}
    serve = {"runtime": "custom", "command": "serve", **image}
    status = place.run("ok", model={"name": "nobody", "serve": serve})
    assert outcome(status) == ("Failed", "ModelServerFailed")
    assert "nowhere.invalid/nothing:1" in status["message"]
    assert "Check its name and tag" in status["message"]


def test_a_quota_refuses(place: Place) -> None:
    """A ResourceQuota has no room for the pod.

    Ends: failed, `PodsRejected`, after `attempts.refusedPodSeconds` (here 10); not retried
    Told: the quota; ask for less in `hardwareConfig`, or raise the ResourceQuota
    Kept: nothing ran
    Took: 16
    """
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    place.cluster.apply(quota, namespace=place.namespace)
    refused(place, place.run("ok"), "PodsRejected", "exceeded quota: none", "raise the ResourceQuota")


def test_pod_security_refuses(place: Place) -> None:
    """A webhook or policy of the cluster adds to the pod what its namespace forbids.

    Ends: failed, `PodsRejected`, after `attempts.refusedPodSeconds` (here 10); not retried
    Told: what pod security forbids; remove it, or let the namespace enforce a wider pod security
    Kept: nothing ran
    Took: 19
    """
    with altered(place, "hostIPC: true"):
        status = place.run("ok")
    refused(place, status, "PodsRejected", "violates PodSecurity", "host namespaces", "wider pod security")


def test_a_service_account_is_missing(place: Place) -> None:
    """The service account of adapters is not there.

    Ends: failed, `PodsRejected`, after `attempts.refusedPodSeconds` (here 10); not retried
    Told: the service account; create it in the namespace, or name another one in the chart
    Kept: nothing ran
    Took: 17
    """
    with altered(place, 'serviceAccountName: "nobody"'):
        status = place.run("ok")
    refused(place, status, "PodsRejected", 'serviceaccount "nobody" not found', "Create that service account")


def test_no_node_takes_it(place: Place) -> None:
    """No node has what the pod asks for.

    Ends: failed, `PendingTooLong`, after `pendingDeadlineSeconds` (here 10), or `Unschedulable` where the chart says so
    Told: the scheduler's words; ask for less, correct `nodeSelector`, or raise `pendingDeadlineSeconds`
    Kept: nothing ran
    Took: 16
    """
    status = place.run("ok", nodeSelector={"disk": "none"}, pendingDeadlineSeconds=10)
    refused(place, status, "PendingTooLong", "didn't match Pod's node affinity/selector", "correct its queue or node")


def test_a_queue_that_admits_nothing(place: Place) -> None:
    """The Kueue queue of `hardwareConfig.queue` is not there, and neither is Kueue.

    Ends: failed, `PendingTooLong`, after `pendingDeadlineSeconds` (here 10)
    Told: the queue; correct it, or raise `pendingDeadlineSeconds`
    Kept: nothing ran: a Job with a queue begins suspended
    Took: 14
    """
    status = place.run("ok", hardwareConfig={"queue": {"name": "not-there"}}, pendingDeadlineSeconds=10)
    refused(place, status, "PendingTooLong", "queue not-there", "correct its queue")


def test_a_secret_is_missing(place: Place) -> None:
    """The Secret with the model's credentials is not there.

    Ends: failed, `ConfigMissing`, after the chart's `attempts.configErrorSeconds` (here 10); not retried
    Told: its name; create it in the namespace of the job
    Kept: nothing ran
    Took: 17
    """
    model = {"name": "nobody", "url": "http://nobody.invalid:9/v1", "auth": {"secretRef": {"name": "not-there"}}}
    refused(place, place.run("ok", model=model), "ConfigMissing", '"not-there" not found', "Create the Secret")


def test_a_claim_is_missing(place: Place) -> None:
    """The PersistentVolumeClaim with the test data is not there.

    Ends: failed, `VolumeMissing`, after the chart's `attempts.configErrorSeconds` (here 10); not retried
    Told: its name; create the claim in the namespace of the job, or correct `claimName`
    Kept: nothing ran
    Took: 14
    """
    status = place.run("ok", benchmark={"testDataRef": {"pvc": {"claimName": "not-there"}}})
    refused(place, status, "VolumeMissing", '"not-there" not found', "correct claimName")
