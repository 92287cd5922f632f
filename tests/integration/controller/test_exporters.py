"""GPUs of pods are read from the pages of dcgm-exporter: once in a period for everybody, and only what is news."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.integration.controller.pages import Pages, gpu_page, serving

from evallab.controller import exporters
from evallab.controller.exporters import Exporters
from evallab.planning.telemetry import GpuReading

POD = "team/server-1"
READING = GpuReading(uuid="GPU-0", name="NVIDIA H200", driver="570.1", temperature_c=71.0, power_w=312.5, reasons=4)


class Clock:
    """A clock that is moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def exporter(clock: Clock) -> AsyncIterator[tuple[Pages, Exporters]]:
    with serving(Pages({"/metrics": gpu_page(POD)})) as pages:
        made = Exporters(service=f"127.0.0.1:{pages.port}", clock=clock)
        yield pages, made
        await made.close()


async def test_one_look_at_a_page_is_for_all_jobs_of_a_period(exporter: tuple[Pages, Exporters], clock: Clock) -> None:
    pages, made = exporter
    found = await asyncio.gather(*(made.read([POD], anew=True) for _ in range(50)), made.read(["team/x"], anew=True))
    assert found == [*[[READING]] * 50, []]
    clock.now += exporters.PERIOD_S - 0.1
    assert await made.read(["team/x", POD], anew=True) == [READING]
    assert pages.asked == ["/metrics"]
    clock.now += 0.1
    pages.texts["/metrics"] = gpu_page(POD, temperature=80)
    assert [each.temperature_c for each in await made.read([POD], anew=True)] == [80.0]
    assert pages.asked == ["/metrics"] * 2


async def test_every_address_behind_the_name_is_asked_and_one_that_is_down_costs_only_its_own(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Pages({"/metrics": gpu_page(POD)})) as first:
        second = Pages({"/metrics": gpu_page("team/server-2", uuid="GPU-1")})
        with serving(second, "127.0.0.2", first.port):
            await _both_are_asked(first.port, clock, monkeypatch)
    assert [(record.message, getattr(record, "of", "")) for record in caplog.records] == [
        ("no GPUs read", f"127.0.0.3:{first.port}")  # said once, not at every look
    ]


async def _both_are_asked(port: int, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    async def addresses(host: str, number: int, **_: Any) -> list[Any]:
        assert (host, number) == ("exporters.gpu.svc", port)
        found = ("127.0.0.1", "127.0.0.2", "127.0.0.2", "127.0.0.3")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, number)) for each in found]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", addresses)
    made = Exporters(service=f"exporters.gpu.svc:{port}", clock=clock)
    for _ in range(2):
        found = await made.read([POD, "team/server-2"], anew=True)
        assert [each.uuid for each in found] == ["GPU-0", "GPU-1"]
        clock.now += exporters.PERIOD_S
    await made.close()


async def test_what_an_exporter_tells_again_and_again_is_no_measurement(
    exporter: tuple[Pages, Exporters], clock: Clock
) -> None:
    pages, made = exporter
    told = []
    for _ in range(12):
        told.append(len(await made.read([POD], anew=True)))
        clock.now += exporters.PERIOD_S
    assert told == [1] * 9 + [0] * 3  # 90 seconds
    pages.texts["/metrics"] = gpu_page(POD, power=312.6)
    assert len(await made.read([POD], anew=True)) == 1


async def test_the_same_after_a_time_in_which_nobody_asked_is_news(
    exporter: tuple[Pages, Exporters], clock: Clock
) -> None:
    _, made = exporter
    assert len(await made.read([POD], anew=True)) == 1
    clock.now += 10 * exporters.STALE_S
    assert len(await made.read([POD], anew=True)) == 1


@pytest.mark.parametrize(
    "page",
    [
        'DCGM_FI_DEV_GPU_TEMP{UUID="GPU-0",namespace="team",pod="server-1"} hot\n',
        "x" * (5 * 2**20),
        "<html/>",
    ],
    ids=["broken", "endless", "something else"],
)
async def test_a_page_that_cannot_be_read_says_nothing(exporter: tuple[Pages, Exporters], page: str) -> None:
    pages, made = exporter
    pages.texts["/metrics"] = page
    assert await made.read([POD], anew=True) == []


@pytest.mark.parametrize("service", ["nobody.invalid", "127.0.0.1:1", "127.0.0.1:99999"])
async def test_without_exporters_nothing_is_seen_and_nothing_fails(service: str, clock: Clock) -> None:
    made = Exporters(service=service, clock=clock)
    assert await made.read([POD], anew=True) == []
    await made.close()
