"""A catalogue behind its real routes and a real store: what the tests of providers and collections ask."""

import itertools
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import yaml

from evallab.server.app import application
from evallab.server.boundary import Boundary
from evallab.server.boundary_rules import rules
from evallab.server.config import ServerConfig
from evallab.server.house import House
from evallab.server.live_catalog import LiveCatalog
from evallab.server.metrics import Metrics
from evallab.server.routes import collections, providers
from evallab.store.postgres import PostgresStore

SAMPLES = Path(os.environ.get("EVALLAB_EVALHUB_SAMPLES", Path(__file__).parents[4] / "shared" / "evalhub" / "samples"))
API = "/api/v1/evaluations"
_TIME = re.compile(r"20\d\d-\d\d-\d\dT[\d:.]+Z")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
Json = dict[str, Any]


@dataclass
class Asked:
    """A client, and the catalogue behind what it asks."""

    client: httpx.AsyncClient
    catalog: LiveCatalog
    ids: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, method: str, path: str, body: Any = None, *, tenant: str | None = None, user: str | None = None
    ) -> tuple[int, Any]:
        """Send a request, and return status and body."""
        named = {"X-Tenant": tenant, "X-User": user}
        headers = {name: value for name, value in named.items() if value}
        response = await self.client.request(
            method, path if path.startswith("/api") else API + path, headers=headers, json=body
        )
        return response.status_code, response.json() if response.content else ""

    async def replay(self, pair: Mapping[str, Any]) -> tuple[int, Any]:
        """Send a recorded request with our ids for EvalHub's, and remember which new id stands for which."""
        request, recorded = pair["request"], pair["response"]
        path = _ID.sub(lambda found: self.ids.get(found[0], found[0]), request["path"])
        status, body = await self.ask(request["method"], path, request["body"])
        if recorded["status"] == status == 201:
            self.ids[recorded["body"]["resource"]["id"]] = body["resource"]["id"]
        return status, body


def pair(name: str) -> Json:
    """Read a recorded pair."""
    return cast("Json", json.loads((SAMPLES / f"{name}.json").read_text()))


def sdk_calls() -> list[Json]:
    """Read what EvalHub's SDK and command asked, as pairs."""
    lines = (SAMPLES / "sdk_cli_calls.jsonl").read_text().splitlines()
    calls = [json.loads(line) for line in lines if line.startswith("{")]
    return [
        {"request": call, "response": {"status": call["status"], "body": call["response"]}}
        for call in calls
        if re.search(r"/(providers|collections)", call["path"])
    ]


def normal(value: Any) -> Any:
    """Return a body with ids, times and traces taken out."""
    if isinstance(value, dict):
        return {key: "…" if key == "trace" else normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(each) for each in value]
    return _ID.sub("<id>", _TIME.sub("<time>", value)) if isinstance(value, str) else value


def recorded_configuration(directory: Path) -> Path:
    """Write the configuration directory that EvalHub had when it was recorded."""
    lists = [each["response"]["body"] for each in sdk_calls()[:1]]
    for kind, items in (
        ("providers", lists[0]["items"]),
        ("collections", [pair("collection_get")["response"]["body"]]),
    ):
        (directory / kind).mkdir(parents=True)
        for item in items:
            if item["resource"].get("owner") == "system":
                fields = {"id": item["resource"]["id"]} | {key: item[key] for key in item if key != "resource"}
                text = yaml.safe_dump(fields, sort_keys=False)
                (directory / kind / f"{fields['id']}.yaml").write_text(text)
    return directory


@asynccontextmanager
async def opened(store: PostgresStore, directory: Path | None, **rest: Any) -> AsyncIterator[Asked]:
    """Serve the catalogue of a directory and a store; `rest` is the block `evallab.rest`."""
    config = ServerConfig.model_validate({"evallab": {"rest": rest}})
    catalog = LiveCatalog(directory, store, builtin=False, local_commands=config.evallab.rest.local_commands)
    await catalog.load()
    minutes = itertools.count()
    house = SimpleNamespace(
        store=store,
        catalog=catalog,
        config=config,
        metrics=Metrics(),
        now=lambda: datetime(2030, 1, 1, tzinfo=UTC) + timedelta(minutes=next(minutes)),
        new_id=map("00000000-0000-4000-8000-{:012d}".format, itertools.count(1)).__next__,
    )
    app = application((*providers.OPERATIONS, *collections.OPERATIONS), cast("House", house))
    transport = httpx.ASGITransport(Boundary(app, rules(config)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield Asked(client, catalog)
