"""Providers over REST: what EvalHub was recorded to answer, and where evallab answers better."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
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
PROVIDERS = "/providers"
FILE = "id: sys\nname: System\ntags: [s]\nbenchmarks: [{id: b, category: c}]\n"
SNAKE = {
    "image": "Image",
    "entrypoint": "Entrypoint",
    "cpu_request": "CPURequest",
    "memory_request": "MemoryRequest",
    "cpu_limit": "CPULimit",
    "memory_limit": "MemoryLimit",
    "env": "Env",
}
COMMAND = {"runtime": {"local": {"command": "true"}}}


def better(body: Any) -> Any:
    """Return a recorded provider as evallab writes it: lists are never null, and a runtime is in both spellings."""
    if isinstance(body, list):
        return [better(each) for each in body]
    if not isinstance(body, dict):
        return body
    body = {
        key: [] if key in {"benchmarks", "Env", "Entrypoint"} and item is None else better(item)
        for key, item in body.items()
    }
    if "Name" in body:
        body |= {"name": body["Name"], "value": body["Value"]}
    if "CPURequest" in body:
        body |= {name: body[evalhubs] for name, evalhubs in SNAKE.items()}
    return body


@pytest.fixture
async def rest(store: PostgresStore, tmp_path: Path) -> AsyncIterator[Asked]:
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers" / "sys.yaml").write_text(FILE)
    async with opened(store, tmp_path) as asked:
        yield asked


@recorded
async def test_evalhubs_recorded_answers(store: PostgresStore, tmp_path: Path) -> None:
    same = "create create_min create_dupname put patch patch_badpath patch_nopath patch_runtime_missing patch_empty"
    names = [f"prov_{name}" for name in f"{same} patch_move patch_sys put_sys".split()]
    names += ["provider_get", "provider_get_404", "providers_list_badparam"]
    async with opened(store, recorded_configuration(tmp_path), local_commands=True) as asked:
        for name in names:
            evalhub = pair(name)
            expected = better(normal(evalhub["response"]["body"]))
            if name == "prov_create":  # EvalHub drops what it was sent in snake_case
                for key in ("CPURequest", "cpu_request"):
                    expected["runtime"]["k8s"][key] = "1"
            status, body = await asked.replay(evalhub)
            assert (name, status, normal(body)) == (name, evalhub["response"]["status"], expected)
        status, body = await asked.replay(pair("prov_patch_object"))
        assert (status, body["name"]) == (200, "merge")  # EvalHub refuses what its own SDK sends


@recorded
async def test_evalhubs_recorded_list(store: PostgresStore, tmp_path: Path) -> None:
    evalhub = pair("providers_list")["response"]["body"]
    async with opened(store, recorded_configuration(tmp_path)) as asked:
        status, body = await asked.ask("GET", PROVIDERS)
        known = [each for each in better(normal(evalhub["items"])) if each["resource"].get("owner") == "system"]
        assert status == 200
        assert normal(body["items"]) == sorted(known, key=lambda each: each["resource"]["id"])  # EvalHub: no order
        assert {key: body[key] for key in ("first", "limit")} == {key: evalhub[key] for key in ("first", "limit")}
        assert "next" not in body


@recorded
async def test_what_the_sdk_and_the_command_ask(store: PostgresStore, tmp_path: Path) -> None:
    async with opened(store, recorded_configuration(tmp_path)) as asked:
        for call in (call for call in sdk_calls() if PROVIDERS in call["request"]["path"]):
            request, answered = call["request"], call["response"]
            status, body = await asked.replay(call)
            merged = request["method"] == "PATCH" and isinstance(request["body"], dict)
            expected = answered["status"]
            if merged:  # EvalHub refuses what its own SDK and command send
                expected = 404 if request["path"].endswith("/nope") else 200
            assert (request, status) == (request, expected)
            if not merged and request["method"] in {"POST", "PUT", "PATCH"}:
                assert normal(body) == normal(answered["body"])


async def test_what_is_made_is_there_at_once_and_after_a_restart(store: PostgresStore, rest: Asked) -> None:
    status, made = await rest.ask("POST", PROVIDERS, {"name": "n", "benchmarks": [{"id": "b"}]}, user="me")
    path = f"{PROVIDERS}/{made['resource']['id']}"
    assert status == 201
    assert made == {
        "resource": {
            "id": "00000000-0000-4000-8000-000000000001",
            "created_at": "2030-01-01T00:00:00Z",
            "updated_at": "2030-01-01T00:00:00Z",
            "owner": "me",
        },
        "name": "n",
        "title": "",
        "benchmarks": [{"id": "b", "name": "", "category": "", "num_few_shot": 0, "dataset_size": 0}],
    }
    assert await rest.ask("GET", path) == (200, made)
    assert rest.catalog.view(None).known_benchmark(made["resource"]["id"], "b")
    async with opened(store, None) as restarted:
        assert await restarted.ask("GET", path) == (200, made)


async def test_changes(rest: Asked) -> None:
    _, made = await rest.ask("POST", PROVIDERS, {"name": "n", "tags": ["a"]})
    path = f"{PROVIDERS}/{made['resource']['id']}"
    times = {"created_at": "2030-01-01T00:00:00Z", "updated_at": "2030-01-01T00:01:00Z"}
    patched = await rest.ask("PATCH", path, [{"op": "add", "path": "/tags/-", "value": "b"}])
    assert patched == (200, made | {"tags": ["a", "b"], "resource": made["resource"] | times})
    times["updated_at"] = "2030-01-01T00:02:00Z"
    put = await rest.ask("PUT", path, {"name": "m"})
    expected = {"name": "m", "title": "", "benchmarks": [], "resource": made["resource"] | times}
    assert put == (200, expected)
    assert await rest.ask("GET", path) == put
    refused = await rest.ask("PATCH", path, [{"op": "replace", "path": "/benchmarks", "value": [{"name": "x"}]}])
    assert (refused[0], refused[1]["message_code"]) == (400, "request_validation_failed")
    assert await rest.ask("GET", path) == put
    assert await rest.ask("DELETE", path) == (204, "")
    assert [(await rest.ask(method, path))[0] for method in ("GET", "DELETE")] == [404, 404]
    assert (await rest.ask("PUT", path, {}))[0] == 404
    assert (await rest.ask("PATCH", path, []))[0] == 404


async def test_every_change_is_audited(rest: Asked, database_url: str) -> None:
    _, made = await rest.ask("POST", PROVIDERS, {"name": "n"}, user="me")
    path = f"{PROVIDERS}/{made['resource']['id']}"
    await rest.ask("PATCH", path, {"name": "m"})
    await rest.ask("DELETE", path, user="you")
    with psycopg.connect(database_url) as connection:
        actors = [actor for (actor,) in connection.execute("SELECT actor FROM audit ORDER BY at")]
    assert actors == ["me", "rest", "you"]


async def test_what_is_on_file_is_read_only(rest: Asked) -> None:
    refused = (400, "Provider 'sys' cannot be modified or deleted.")
    for method, body in (("PUT", {}), ("PATCH", []), ("DELETE", None)):
        status, answer = await rest.ask(method, f"{PROVIDERS}/sys", body, tenant="a")
        assert (status, answer["message"]) == refused


async def test_tenants(rest: Asked) -> None:
    _, mine = await rest.ask("POST", PROVIDERS, {"name": "of a"}, tenant="a", user="me")
    _, open_one = await rest.ask("POST", PROVIDERS, {"name": "open"})
    assert mine["resource"]["tenant"] == "a"
    path, open_path = (f"{PROVIDERS}/{each['resource']['id']}" for each in (mine, open_one))
    for tenant in ("b", None):
        for method, body in (("GET", None), ("PUT", {}), ("PATCH", []), ("DELETE", None)):
            assert (await rest.ask(method, path, body, tenant=tenant))[0] == 404
    assert (await rest.ask("GET", open_path, tenant="a"))[0] == 404
    assert await rest.ask("GET", path, tenant="a") == (200, mine)
    shown = {tenant: (await rest.ask("GET", PROVIDERS, tenant=tenant))[1]["items"] for tenant in ("a", "b", None)}
    assert {tenant: [each["name"] for each in items] for tenant, items in shown.items()} == {
        "a": ["of a", "System"],
        "b": ["System"],
        None: ["open", "of a", "System"],
    }
    assert (await rest.ask("DELETE", path, tenant="a"))[0] == 204


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["p2", "p1", "p0", "System"]),
        ("name=p1", ["p1"]),
        ("name=p1|p2", ["p2", "p1"]),
        ("tags=even", ["p2", "p0"]),
        ("tags=even,t0", ["p0"]),
        ("tags=t0|t1", ["p1", "p0"]),
        ("owner=u1", ["p1"]),
        ("owner=!u1", ["p2", "p0", "System"]),
        ("owner=system", ["System"]),
        ("scope=system", ["System"]),
        ("scope=tenant", ["p2", "p1", "p0"]),
        ("limit=2", ["p2", "p1"]),
        ("limit=2&offset=2", ["p0", "System"]),
        ("offset=9", []),
        ("limit=0", ["p2", "p1", "p0", "System"]),
    ],
)
async def test_lists(rest: Asked, query: str, names: list[str]) -> None:
    for number in range(3):
        tags = [f"t{number}", "odd" if number % 2 else "even"]
        await rest.ask("POST", PROVIDERS, {"name": f"p{number}", "tags": tags}, user=f"u{number}")
    status, body = await rest.ask("GET", f"{PROVIDERS}?{query}")
    assert (status, [each["name"] for each in body["items"]]) == (200, names)


async def test_pages_end(rest: Asked) -> None:
    for number in range(4):
        await rest.ask("POST", PROVIDERS, {"name": f"p{number}"})
    path, names = f"{PROVIDERS}?limit=2", []
    while path:
        _, body = await rest.ask("GET", path)
        assert (body["total_count"], body["first"]) == (5, {"href": "/api/v1/evaluations/providers?limit=2"})
        names += [each["name"] for each in body["items"]]
        path = body.get("next", {}).get("href", "")
    assert names == ["p3", "p2", "p1", "p0", "System"]
    assert "next" not in (await rest.ask("GET", f"{PROVIDERS}?limit=0"))[1]


async def test_a_list_without_benchmarks(rest: Asked) -> None:
    shown = [(await rest.ask("GET", f"{PROVIDERS}?benchmarks={flag}"))[1] for flag in ("true", "false")]
    assert [len(each["items"][0]["benchmarks"]) for each in shown] == [1, 0]


class TestCommands:
    async def test_a_request_may_not_bring_one(self, rest: Asked) -> None:
        status, body = await rest.ask("POST", PROVIDERS, COMMAND)
        assert (status, body["message_code"]) == (403, "not_allowed_over_rest")
        assert "evallab.rest.local_commands" in body["message"]
        _, made = await rest.ask("POST", PROVIDERS, {"name": "n"})
        path = f"{PROVIDERS}/{made['resource']['id']}"
        operation = {"op": "replace", "path": "/runtime", "value": COMMAND["runtime"]}
        for method, sent in (("PUT", COMMAND), ("PATCH", COMMAND), ("PATCH", [operation])):
            assert (await rest.ask(method, path, sent))[0] == 403
        assert await rest.ask("GET", path) == (200, made)

    async def test_one_from_when_it_was_allowed_does_not_run_any_more(self, store: PostgresStore) -> None:
        async with opened(store, None, local_commands=True) as asked:
            _, made = await asked.ask("POST", PROVIDERS, COMMAND | {"name": "n"})
            assert made["runtime"] == COMMAND["runtime"]
            provider = asked.catalog.providers[made["resource"]["id"]]
            assert provider.runtime is not None
            assert provider.runtime.local is not None
        async with opened(store, None) as asked:
            runtime = asked.catalog.providers[made["resource"]["id"]].runtime
            assert runtime is not None
            assert runtime.local is None
            path = f"{PROVIDERS}/{made['resource']['id']}"
            assert (await asked.ask("PATCH", path, {"name": "renamed"}))[0] == 200
            assert (await asked.ask("PATCH", path, {"runtime": {"local": {"command": "other"}}}))[0] == 403


async def test_two_changes_at_once_are_both_kept(rest: Asked) -> None:
    _, made = await rest.ask("POST", PROVIDERS, {"name": "n", "tags": []})
    path = f"{PROVIDERS}/{made['resource']['id']}"
    patches = [[{"op": "add", "path": "/tags/-", "value": f"t{number}"}] for number in range(8)]
    await asyncio.gather(*(rest.ask("PATCH", path, each) for each in patches))
    assert sorted((await rest.ask("GET", path))[1]["tags"]) == [f"t{number}" for number in range(8)]
