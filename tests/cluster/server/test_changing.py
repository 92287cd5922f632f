"""Cancelling, deleting, suspending over REST: said in the object, and answered at once. What a cluster refuses."""

import httpx
from tests.cluster.running import Cluster
from tests.cluster.server.replicas import JOBS, Replica, Tenant, error, posted, request


def test_cancelling_says_so_in_the_object_and_at_once(tenant: Tenant, client: httpx.Client) -> None:
    job_id, _ = posted(client, name="to-cancel")
    assert client.delete(f"{JOBS}/{job_id}").status_code == 204
    made = tenant.object("to-cancel")
    assert made is not None
    assert made["spec"]["cancelled"] is True
    assert client.get(f"{JOBS}/{job_id}").json()["status"]["state"] == "cancelled"
    assert client.delete(f"{JOBS}/{job_id}").status_code == 204
    refused = client.post(f"{JOBS}/{job_id}/suspend")
    assert error(refused)[:2] == (409, "job_can_not_be_updated")


def test_a_job_whose_object_is_gone_is_cancelled_and_one_of_the_same_name_is_not(
    tenant: Tenant, client: httpx.Client
) -> None:
    first, _ = posted(client, name="reborn")
    tenant.cluster.kubectl("delete", "ej", "reborn", namespace=tenant.name)
    second, _ = posted(client, name="reborn")
    assert client.delete(f"{JOBS}/{first}").status_code == 204
    made = tenant.object("reborn")
    assert made is not None
    assert (made["metadata"]["uid"], made["spec"].get("cancelled", False)) == (second, False)
    assert [client.get(f"{JOBS}/{each}").json()["status"]["state"] for each in (first, second)] == [
        "cancelled",
        "pending",
    ]
    assert client.delete(f"{JOBS}/{first}?hard_delete=true").status_code == 204
    assert tenant.object("reborn") == made


def test_deleting_for_good_deletes_the_object(tenant: Tenant, client: httpx.Client) -> None:
    job_id, _ = posted(client, name="to-delete", key="delete me")
    assert client.delete(f"{JOBS}/{job_id}?hard_delete=true").status_code == 204
    assert error(client.get(f"{JOBS}/{job_id}"))[:2] == (404, "resource_not_found")
    assert [each for each in tenant.objects() if each["metadata"]["uid"] == job_id] == []
    again, _ = posted(client, name="to-delete", key="delete me")
    assert again != job_id


def test_suspended_and_resumed(tenant: Tenant, client: httpx.Client) -> None:
    job_id, _ = posted(client, name="to-wait")
    assert client.post(f"{JOBS}/{job_id}/suspend").status_code == 202
    made = tenant.object("to-wait")
    assert made is not None
    assert made["spec"]["suspend"] is True
    assert client.post(f"{JOBS}/{job_id}/resume").status_code == 202
    made = tenant.object("to-wait")
    assert made is not None
    assert made["spec"]["suspend"] is False
    assert error(client.post(f"{JOBS}/{job_id}/resume"))[:2] == (409, "job_can_not_be_updated")
    tenant.cluster.kubectl("delete", "ej", "to-wait", namespace=tenant.name)
    assert error(client.post(f"{JOBS}/{job_id}/suspend")) == (
        400,
        "not_supported",
        f"The job {job_id} cannot be suspended: its EvalJob object is gone; what was measured stays. "
        "Post the job again.",
    )


def test_what_the_cluster_does_not_take_is_refused_with_its_words(known: Cluster, tenant: Tenant, one: Replica) -> None:
    with tenant.client(one) as client:
        unknown = client.post(JOBS, json=request(benchmarks=[{"id": "none", "provider_id": "demo"}]))
        assert error(unknown)[:2] == (400, "resource_does_not_exist")
        local = request(benchmarks=[{"id": "sums", "provider_id": "demo", "test_data_ref": {"path": "/data"}}])
        assert error(client.post(JOBS, json=local))[1:] == (
            "request_validation_failed",
            "The request validation failed: 'spec.benchmarks[0].testDataRef.path: is a path on one computer, which "
            "pods do not see; use hf, http, git, s3, pvc or bundled'. Please check the request and try again.",
        )
        known.kubectl("create", "quota", "none", "--hard=count/evaljobs.evallab.dev=0", namespace=tenant.name)
        try:
            one.until(lambda: _is_over_quota(client), what="the quota to be enforced")
        finally:
            known.kubectl("delete", "quota", "none", namespace=tenant.name)


def _is_over_quota(client: httpx.Client) -> bool:
    answer = client.post(JOBS, json=request("over-quota"))
    return answer.status_code == 403 and error(answer)[1] == "refused_by_cluster"
