"""A page of dcgm-exporter becomes readings of the GPUs of pods."""

import pytest

from evallab.controller.gpu_pages import by_pod, readings
from evallab.planning.telemetry import GpuReading

SAME = 'device="nvidia0",modelName="NVIDIA H200",Hostname="node-1",DCGM_FI_DRIVER_VERSION="570.86.15"'
ZERO = f'{{gpu="0",UUID="GPU-0",{SAME},container="server",namespace="team",pod="q-model-0-abcde"}}'
ONE = f'{{gpu="1",UUID="GPU-1",{SAME},container="server",namespace="team",pod="q-model-0-abcde"}}'
IDLE = f'{{gpu="2",UUID="GPU-2",{SAME},container="",namespace="",pod=""}}'
OTHER = f'{{gpu="3",UUID="GPU-3",{SAME},container="x",namespace="other",pod="q-model-0-abcde"}}'
PAGE = f"""\
# HELP DCGM_FI_DEV_GPU_TEMP GPU temperature (in C).
# TYPE DCGM_FI_DEV_GPU_TEMP gauge
DCGM_FI_DEV_GPU_TEMP{ZERO} 71
DCGM_FI_DEV_GPU_TEMP{ONE} 65
DCGM_FI_DEV_GPU_TEMP{IDLE} 30
DCGM_FI_DEV_GPU_TEMP{OTHER} 90
DCGM_FI_DEV_MEM_CLOCK{ZERO} 3201
DCGM_FI_DEV_POWER_USAGE{ZERO} 312.512000
DCGM_FI_DEV_ENFORCED_POWER_LIMIT{ZERO} 700.000000
DCGM_FI_DEV_GPU_UTIL{ZERO} 98
DCGM_FI_DEV_FB_USED{ZERO} 3
DCGM_FI_DEV_SM_CLOCK{ZERO} 1980
DCGM_FI_DEV_CLOCKS_EVENT_REASONS{ZERO} 4
DCGM_FI_DEV_POWER_USAGE{ONE} 140737488355328.000000
DCGM_FI_DEV_XID_ERRORS{ZERO} 0
"""


def test_each_gpu_of_a_pod_in_our_units_and_what_is_not_said_unknown() -> None:
    assert readings(by_pod(PAGE)["team/q-model-0-abcde"]) == [
        GpuReading(
            uuid="GPU-0",
            name="NVIDIA H200",
            driver="570.86.15",
            temperature_c=71.0,
            power_w=312.512,
            power_limit_w=700.0,
            utilisation=98.0,
            memory_used=3 * 2**20,
            sm_clock_mhz=1980.0,
            reasons=4,
        ),
        GpuReading(uuid="GPU-1", name="NVIDIA H200", driver="570.86.15", temperature_c=65.0),
    ]


def test_gpus_of_nobody_and_of_other_namespaces_are_not_those_of_a_pod() -> None:
    assert sorted(by_pod(PAGE)) == ["other/q-model-0-abcde", "team/q-model-0-abcde"]
    [other] = readings(by_pod(PAGE)["other/q-model-0-abcde"])
    assert (other.uuid, other.temperature_c) == ("GPU-3", 90.0)


def test_without_the_reasons_of_clocks_it_is_not_known_whether_a_gpu_was_throttled() -> None:
    default = "".join(line for line in PAGE.splitlines(keepends=True) if "EVENT_REASONS" not in line)
    assert [each.reasons for each in readings(by_pod(default)["team/q-model-0-abcde"])] == [None, None]


def test_the_older_name_of_the_reasons_means_the_same() -> None:
    older = PAGE.replace("CLOCKS_EVENT_REASONS", "CLOCK_THROTTLE_REASONS")
    assert by_pod(older).keys() == by_pod(PAGE).keys()
    assert readings(by_pod(older)["team/q-model-0-abcde"]) == readings(by_pod(PAGE)["team/q-model-0-abcde"])


def test_parts_of_a_divided_gpu_are_told_apart() -> None:
    def line(part: int, pod: str) -> str:
        labels = (
            f'UUID="GPU-0",modelName="NVIDIA A30",GPU_I_PROFILE="1g.6gb",GPU_I_ID="{part}",namespace="n",pod="{pod}"'
        )
        return f"DCGM_FI_DEV_FB_USED{{{labels}}} {part}\n"

    page = by_pod(line(3, "a") + line(6, "a") + line(5, "b"))
    found = [(each.uuid, each.name, each.driver) for each in readings(page["n/a"])]
    assert found == [("GPU-0/3", "NVIDIA A30", ""), ("GPU-0/6", "NVIDIA A30", "")]


def test_a_broken_line_is_an_error_and_not_a_value() -> None:
    with pytest.raises(ValueError, match="x"):
        readings(by_pod('DCGM_FI_DEV_GPU_TEMP{UUID="GPU-0",namespace="n",pod="p"} x\n')["n/p"])
    with pytest.raises(ValueError, match=r".*"):
        readings(by_pod('DCGM_FI_DEV_GPU_TEMP{UUID="GPU-0",namespace="n",pod="p"}\n')["n/p"])


def test_a_page_of_something_else_says_nothing() -> None:
    assert by_pod("<html>it works</html>") == by_pod("") == {}
