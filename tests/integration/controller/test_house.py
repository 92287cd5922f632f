"""The composition root: what is told to end keeps what was seen first, while the store is there."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from tests.integration.controller.played import CONFIG, PROVIDERS, Remembered

from evallab.controller import house, parts
from evallab.controller.catalogue import Catalogue
from evallab.kubeapi.client import KubernetesApi
from evallab.planning.cluster.config import Installation
from evallab.store.interface import Store


class Fixed:
    """A catalogue that never changes."""

    providers = PROVIDERS

    async def load(self, *, strict: bool) -> None: ...

    async def watch(self) -> None: ...


async def test_an_operator_that_ends_closes_its_parts_while_the_store_is_open(
    database_url: str, tmp_path: Path
) -> None:
    woken: list[str] = []
    closed: list[bool] = []

    def fill(ground: parts.Ground) -> parts.Parts:
        made = parts.of(ground)

        async def close() -> None:
            await ground.store.ended(())  # it is open
            await made.close()
            closed.append(True)

        ground.wake("job")
        return parts.Parts(ports=made.ports, cache=made.cache, look=made.look, close=close)

    def catalogue(_: Store) -> Catalogue:
        return cast("Catalogue", Fixed())

    wishes = house.Wishes(
        database_url=database_url,
        installation=Installation(cluster=CONFIG, lease_namespace="evallab", lease_name="operator"),
        catalogue=catalogue,
        namespaces=(),
        scratch=tmp_path,
    )
    api = Remembered()
    for name in ("follow_log", "close"):
        setattr(api, name, None)
    api.configuration = SimpleNamespace()  # type: ignore[attr-defined]
    async with house.assembled(wishes, cast("KubernetesApi", api), fill=fill) as operator:
        woken.append(str(operator.queue.depth))
        assert closed == []
    assert (woken, closed) == (["1"], [True])
