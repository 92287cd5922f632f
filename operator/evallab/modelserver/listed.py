"""What a model server lists of its settings, defaults included: vLLM's about its cache, on its page for Prometheus.

The engine asks once, when a server is ready, and writes it down. Other servers list none.
"""

import re
from collections.abc import Mapping

import httpx

from evallab.modelserver.counters import page_of

_CACHE = "vllm:cache_config_info{"
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def listed(page: str) -> dict[str, str]:
    """Read a page; of several engines behind one server the first speaks. What is None was not set."""
    line = next((each for each in page.splitlines() if each.startswith(_CACHE)), "")
    found = dict(_LABEL.findall(line))
    return {name: value for name, value in found.items() if value != "None" and name != "engine" and name[0] != "_"}


async def settings(url: str, client: httpx.AsyncClient | None = None) -> Mapping[str, str]:
    """Return what the server at `url` lists; nothing where it does not answer."""
    if client is None:
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as own:
            return await settings(url, own)
    try:
        answer = await client.get(page_of(url))
    except httpx.HTTPError:
        return {}
    return listed(answer.text) if answer.status_code == httpx.codes.OK else {}
