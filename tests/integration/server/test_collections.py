"""Collections over REST: what EvalHub was recorded to answer, and where evallab answers better."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.server.catalog_house import (
    SAMPLES,
    Asked,
    normal,
    opened,
    pair,
    recorded_configuration,
    sdk_calls,
)

from evallab.store.postgres import PostgresStore

recorded = pytest.mark.skipif(not SAMPLES.is_dir(), reason="EvalHub's recorded answers are not here")
COLLECTIONS = "/collections"
PROVIDER = "id: p\nbenchmarks: [{id: b, url: 'https://example.com/b'}]\n"
FILE = "id: sys\nname: System\ncategory: zz\nbenchmarks: [{id: b, provider_id: p, parameters: {include_path: /own}}]\n"
ENTRY = {"id": "b", "provider_id": "p"}
SMALL: dict[str, Any] = {"name": "n", "category": "c", "benchmarks": [ENTRY]}


@pytest.fixture
async def rest(store: PostgresStore, tmp_path: Path) -> AsyncIterator[Asked]:
    for kind, text in (("providers", PROVIDER), ("collections", FILE)):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "x.yaml").write_text(text)
    async with opened(store, tmp_path) as asked:
        yield asked


@recorded
async def test_evalhubs_recorded_answers(store: PostgresStore, tmp_path: Path) -> None:
    names = [f"coll_{name}" for name in ("create", "create_nobench", "create_nocat", "meta")]
    names += ["collection_get", *(f"collections_{name}" for name in ("list_badparam", "scope_bad", "scope_owner"))]
    names += ["clone_unknown", "clones_get", "clones_post", "clones_post2", "clone_empty", "clone_overrides"]
    async with opened(store, recorded_configuration(tmp_path)) as asked:
        assert normal((await asked.replay(pair("collections_list")))[1]) == normal(
            pair("collections_list")["response"]["body"]
        )
        for name in names:
            evalhub = pair(name)
            expected = normal(evalhub["response"]["body"])
            if name == "coll_create":  # evallab says what is wrong with it
                expected["problems"] = ['benchmarks[1]: there is no provider "nope"']
            status, body = await asked.replay(evalhub)
            assert (name, status, normal(body)) == (name, evalhub["response"]["status"], expected)
        status, body = await asked.replay(pair("coll_patch_bench_rm"))  # EvalHub: 200, and a collection without any
        assert (status, body["message_code"]) == (400, "request_validation_failed")
        await check_sorted(asked)


async def check_sorted(asked: Asked) -> None:
    evalhub = pair("coll_list_sort")["response"]["body"]
    status, body = await asked.replay(pair("coll_list_sort"))
    assert (status, body["first"], body["limit"]) == (200, evalhub["first"], evalhub["limit"])
    ours = normal(body["items"])
    assert all(each in ours for each in normal(evalhub["items"]) if "derived_from" in each)


@recorded
async def test_what_the_sdk_and_the_command_ask(store: PostgresStore, tmp_path: Path) -> None:
    async with opened(store, recorded_configuration(tmp_path)) as asked:
        for call in (call for call in sdk_calls() if COLLECTIONS in call["request"]["path"]):
            request, answered = call["request"], call["response"]
            status, body = await asked.replay(call)
            if request["method"] == "PATCH":  # a merge object, which EvalHub refuses
                assert (status, body["name"]) == (200, "x")
                continue
            assert (request["path"], status) == (request["path"], answered["status"])
            if request["method"] in {"POST", "PUT"}:
                assert normal(body) == normal(answered["body"])


async def test_what_is_made_is_there_at_once_and_after_a_restart(store: PostgresStore, rest: Asked) -> None:
    body = SMALL | {"benchmarks": [ENTRY | {"weight": 2, "parameters": {"n": None, "x": 0.9}}], "custom": {}}
    status, made = await rest.ask("POST", COLLECTIONS, body)
    path = f"{COLLECTIONS}/{made['resource']['id']}"
    assert status == 201
    assert made == {
        "resource": {
            "id": "00000000-0000-4000-8000-000000000001",
            "created_at": "2030-01-01T00:00:00Z",
            "updated_at": "2030-01-01T00:00:00Z",
        },
        "name": "n",
        "category": "c",
        "custom": {},
        "benchmarks": [ENTRY | {"url": "https://example.com/b", "weight": 2, "parameters": {"n": None, "x": 0.9}}],
    }
    assert await rest.ask("GET", path) == (200, made)
    assert rest.catalog.view(None).collection(made["resource"]["id"]).benchmarks[0].weight == 2
    async with opened(store, None) as restarted:
        status, body = await restarted.ask("GET", path)
        assert body.pop("problems") == ['benchmarks[0]: there is no provider "p"']
        del made["benchmarks"][0]["url"]
        assert (status, body) == (200, made)


async def test_changes(rest: Asked) -> None:
    _, made = await rest.ask("POST", f"{COLLECTIONS}/sys/clones", {"name": "cl"})
    path = f"{COLLECTIONS}/{made['resource']['id']}"
    _, patched = await rest.ask("PATCH", path, [{"op": "add", "path": "/pass_criteria", "value": {"threshold": 0}}])
    assert (patched["pass_criteria"], patched["derived_from"]) == ({"threshold": 0}, "sys")
    _, put = await rest.ask("PUT", path, SMALL)
    assert (put["name"], put["derived_from"], "pass_criteria" in put) == ("n", "sys", False)
    for bad in (
        [{"op": "replace", "path": "/benchmarks", "value": []}],
        {"category": ""},
        {"benchmarks": [{"id": "b"}]},
    ):
        status, body = await rest.ask("PATCH", path, bad)
        assert (status, body["message_code"]) == (400, "request_validation_failed")
    assert await rest.ask("GET", path) == (200, put)
    assert await rest.ask("DELETE", f"{path}?hard_delete=true") == (204, "")
    assert (await rest.ask("DELETE", path))[0] == 404
    assert (await rest.ask("DELETE", f"{path}?hard_delete=perhaps"))[0] == 400


async def test_what_is_on_file_is_read_only(rest: Asked) -> None:
    for method, body in (("PUT", SMALL), ("PATCH", []), ("DELETE", None)):
        status, answer = await rest.ask(method, f"{COLLECTIONS}/sys", body)
        assert (status, answer["message"]) == (400, "Collection 'sys' cannot be modified or deleted.")


async def test_tenants(rest: Asked) -> None:
    _, mine = await rest.ask("POST", f"{COLLECTIONS}/sys/clones", {}, tenant="a", user="me")
    assert {key: mine["resource"][key] for key in ("tenant", "owner")} == {"tenant": "a", "owner": "me"}
    path = f"{COLLECTIONS}/{mine['resource']['id']}"
    for tenant in ("b", None):
        for method, body in (("GET", None), ("PUT", SMALL), ("PATCH", []), ("DELETE", None)):
            assert (await rest.ask(method, path, body, tenant=tenant))[0] == 404
        assert (await rest.ask("POST", f"{path}/clones", {}, tenant=tenant))[0] == 404
    assert (await rest.ask("GET", path, tenant="a"))[0] == 200


async def test_clones_of_nothing_said_and_of_nonsense(rest: Asked) -> None:
    url = f"/api/v1/evaluations{COLLECTIONS}/sys/clones"
    assert (await rest.client.post(url, content=b"")).status_code == 201
    refused = await rest.client.post(url, content=b"{")
    assert (refused.status_code, refused.json()["message_code"]) == (400, "invalid_json_request")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["c2", "c1", "c0", "System"]),
        ("sort_by=foo", ["c2", "c1", "c0", "System"]),
        ("sort_by=name", ["System", "c0", "c1", "c2"]),
        ("sort_by=-name", ["c2", "c1", "c0", "System"]),
        ("sort_by=category", ["c2", "c0", "c1", "System"]),
        ("sort_by=created_at&scope=tenant", ["c0", "c1", "c2"]),
        ("category=even", ["c2", "c0"]),
        ("domains=d0", ["c0"]),
        ("industries=i1&tasks=t1", ["c1"]),
        ("modalities=m0|m1", ["c1", "c0"]),
        ("evaluation_targets=e0,e1", []),
        ("scope=system", ["System"]),
        ("name=c1", ["c1"]),
    ],
)
async def test_lists(rest: Asked, query: str, names: list[str]) -> None:
    for number in range(3):
        labels = ("domains", "industries", "tasks", "modalities", "evaluation_targets")
        fields = {name: [f"{name[0]}{number}"] for name in labels}
        category = "odd" if number % 2 else "even"
        await rest.ask("POST", COLLECTIONS, SMALL | fields | {"name": f"c{number}", "category": category})
    status, body = await rest.ask("GET", f"{COLLECTIONS}?{query}")
    assert (status, [each["name"] for each in body["items"]]) == (200, names)


async def test_a_request_may_not_reach_into_this_machine(rest: Asked) -> None:
    for extra in ({"parameters": {"include_path": "/etc"}}, {"test_data_ref": {"path": "/etc"}}):
        status, body = await rest.ask("POST", COLLECTIONS, SMALL | {"benchmarks": [ENTRY | extra]})
        assert (status, body["message_code"]) == (403, "not_allowed_over_rest")
        assert "benchmarks[0]." in body["message"]
    status, made = await rest.ask("POST", f"{COLLECTIONS}/sys/clones", {})
    assert status == 201  # what the owner put on file may be copied
    path = f"{COLLECTIONS}/{made['resource']['id']}"
    more = [*made["benchmarks"], ENTRY | {"parameters": {"include_path": "/etc"}}]
    status, body = await rest.ask("PATCH", path, {"benchmarks": more})
    assert (status, "benchmarks[1]." in body["message"]) == (403, True)
