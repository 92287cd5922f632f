"""Which GPUs CUDA_VISIBLE_DEVICES leaves, and a machine without a driver."""

import pytest

from evallab.runtimes.local.gpus import Gpu, Nvml, visible

GPUS = tuple(Gpu(uuid=f"GPU-{letter}1", name="g", memory=1) for letter in "abc")


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (None, "abc"),
        ("", ""),
        ("1", "b"),
        ("2,0", "ca"),
        ("GPU-b", "b"),
        ("GPU-c1, 0", "ca"),
        ("0,7,1", "a"),  # as CUDA reads it: what follows a wrong word does not count
        ("-1", ""),
        ("NoDevFiles", ""),
    ],
)
def test_visible(said: str | None, left: str) -> None:
    assert [gpu.uuid for gpu in visible(GPUS, said)] == [f"GPU-{letter}1" for letter in left]


def test_the_inventory_of_this_machine_is_a_list_of_different_gpus() -> None:
    found = [gpu.uuid for gpu in Nvml().gpus()]
    assert len(set(found)) == len(found)
