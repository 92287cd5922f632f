"""From a target to a lab that answers: the URL as it is, or a port that leads into the cluster. For `cli.elsewhere`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from evallab.remote.client import connected
from evallab.remote.forward import forwarded
from evallab.remote.lab import RemoteLab
from evallab.remote.target import Target


@asynccontextmanager
async def reached(target: Target) -> AsyncIterator[RemoteLab]:
    """Yield the lab of a target. Raises ServerUnavailable, UsageError."""
    if target.context is None:
        async with connected(target.url or "", token=target.token, tenant=target.tenant) as client:
            yield RemoteLab(client)
        return
    from evallab.remote.kubeconfig import context_of

    known = await context_of(target.context)
    token, tenant = target.token or known.token, target.tenant or known.namespace
    async with (
        forwarded(target.context, target.service) as url,
        connected(url, token=token, tenant=tenant, direct=True) as client,
    ):
        yield RemoteLab(client)
