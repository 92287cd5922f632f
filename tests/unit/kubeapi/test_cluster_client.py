"""How the API server is reached: through the proxy of the environment, found once."""

import pytest
from kubernetes.aio import client as official

from evallab.kubeapi.client import KubernetesApi


@pytest.mark.parametrize(
    ("host", "own", "proxy"),
    [
        ("https://api.example:6443", None, "http://proxy:3128"),
        ("https://inside.cluster:6443", None, None),
        ("https://api.example:6443", "http://of.kubeconfig:1", "http://of.kubeconfig:1"),
    ],
)
async def test_the_proxy_is_looked_for_once(
    monkeypatch: pytest.MonkeyPatch, host: str, own: str | None, proxy: str | None
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "localhost,inside.cluster")
    configuration = official.Configuration(host=host)
    configuration.proxy = own
    api = KubernetesApi(configuration)
    session = api._client.rest_client._create_pool_manager()
    assert (configuration.proxy, session.trust_env) == (proxy, False)
    await session.close()
    await api.close()
