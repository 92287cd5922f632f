"""Who may ask a server in a cluster for what; how it is started."""

import json
import subprocess

import httpx
import pytest
from tests.acceptance.evalhub.sdk_environment import sdk_environment
from tests.cluster.running import Cluster
from tests.cluster.server.replicas import JOBS, SDK, Replica, Start, Tenant, error, posted, request


def test_who_may_not_is_refused(tenant: Tenant, one: Replica, known: Cluster) -> None:
    reader = Tenant.made(known, verbs="get,list", name=tenant.name, account="reader")
    nobody = Tenant(known, tenant.name, "nobody")
    known.kubectl("create", "serviceaccount", "nobody", namespace=tenant.name)
    jobs, said = f"{one.url}{JOBS}", {"X-Tenant": tenant.name}

    def bearer(token: str) -> dict[str, str]:
        return {**said, "Authorization": f"Bearer {token}"}

    assert error(httpx.get(jobs, headers=said))[:2] == (401, "unauthenticated")
    assert error(httpx.get(jobs, headers=bearer("no-token")))[:2] == (401, "unauthenticated")
    attempts = tenant.token("--audience=evallab/attempt/1")
    assert error(httpx.get(jobs, headers=bearer(attempts)))[:2] == (401, "unauthenticated")
    assert error(httpx.get(jobs, headers={"Authorization": f"Bearer {tenant.token()}"}))[:2] == (
        400,
        "missing_tenant_header",
    )
    assert error(httpx.get(jobs, headers=bearer(nobody.token()))) == (
        403,
        "forbidden",
        f'{nobody.user} may not list evaljobs.evallab.dev in namespace "{tenant.name}". '
        "Ask for a Role that allows it, and a RoleBinding.",
    )
    may_read = bearer(reader.token())
    assert httpx.get(jobs, headers=may_read).status_code == 200
    assert error(httpx.post(jobs, json=request(), headers=may_read))[:2] == (403, "forbidden")
    assert error(httpx.get(f"{one.url}/api/v1/evaluations/unknown", headers=said))[:2] == (401, "unauthenticated")
    opened = ("/api/v1/health", "/livez", "/readyz", "/openapi.yaml", "/docs", "/api/v1/version")
    assert {path: httpx.get(f"{one.url}{path}").status_code for path in opened} == dict.fromkeys(opened, 200)
    door = httpx.post(f"{one.url}/a/1/seal", json={}, headers=bearer(tenant.token()))
    assert error(door)[:2] == (401, "invalid_callback_token")


def test_a_tenant_sees_its_own_and_nobody_is_whom_they_say_they_are(
    known: Cluster, tenant: Tenant, client: httpx.Client, one: Replica
) -> None:
    mine, answer = posted(client, name="mine")
    liar = client.post(JOBS, json=request("liar"), headers={"X-User": "system"})
    assert answer.json()["resource"]["owner"] == liar.json()["resource"]["owner"] == tenant.user
    with Tenant.made(known).client(one) as stranger:
        assert error(stranger.get(f"{JOBS}/{mine}"))[:2] == (404, "resource_not_found")
        assert error(stranger.delete(f"{JOBS}/{mine}"))[:2] == (404, "resource_not_found")
        assert stranger.get(JOBS).json()["items"] == []
        theirs = stranger.get(f"{JOBS}/{mine}", headers={"X-Tenant": tenant.name})
        assert error(theirs)[:2] == (403, "forbidden")


def test_evalhubs_own_client_works_with_a_token_and_a_tenant(tenant: Tenant, one: Replica) -> None:
    asked = json.dumps(request("by the sdk"))
    argv = [str(sdk_environment().python), "-c", SDK, one.url, tenant.token(), tenant.name, asked]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    made = tenant.object("by-the-sdk")
    assert made is not None
    assert json.loads(done.stdout) == [made["metadata"]["uid"], True, "cancelled", tenant.name, True]
    assert made["spec"]["cancelled"] is True


def test_without_authentication_a_default_tenant_will_do(start: Start, tenant: Tenant) -> None:
    settings = {"evallab": {"auth": {"mode": "none", "default_tenant": tenant.name}}}
    open_to_all = start(settings=settings)
    answer = httpx.post(f"{open_to_all.url}{JOBS}", json=request("anybody"), headers={"X-User": "bob"})
    assert (answer.status_code, answer.json()["resource"]["owner"]) == (202, "bob")
    named = {"Host": "evallab.evallab.svc:8080"}
    assert httpx.get(f"{open_to_all.url}{JOBS}", headers=named).status_code == 200
    assert error(httpx.get(f"{open_to_all.url}{JOBS}", headers={"Host": "evil.example"}))[:2] == (
        403,
        "host_not_allowed",
    )
    assert open_to_all.stop() == 0


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("EVALLAB_DATABASE_URL", "A server in a cluster shares a Postgres with the operator, and none is named."),
        ("EVALLAB_CLUSTER_CONFIG", "EVALLAB_CLUSTER_CONFIG does not name the file that describes this installation."),
    ],
)
def test_what_is_missing_is_said(missing: str, sentence: str, one: Replica) -> None:
    environ = {name: value for name, value in one.environ.items() if name != missing}
    argv = [*one.program, "-port", "0", "-host", "127.0.0.1"]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
