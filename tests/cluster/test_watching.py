"""What the operator sees of a job with a model server: its canary, its speed, and the GPUs that an exporter tells of.

The exporter is a stand-in on this machine, where the chart was told to look: it says that the pod of the model server
has a GPU. Operator, NetworkPolicies and model server are real.
"""

from typing import Any

import pytest
from tests.cluster.installation import Installed, exporter_port, faulty_job
from tests.cluster.operating import until
from tests.cluster.running import Json
from tests.integration.datasets.servers import Answer, Seen, serving

RECORD = "SELECT record FROM evallab_tables.job_provenance WHERE job_id = %s"
SERVED = {"name": "demo-f16", "serve": {"runtime": "reference", "source": {"bundled": "demo-f16"}}}
GPU = 'gpu="0",UUID="GPU-0",modelName="NVIDIA H200",Hostname="node",DCGM_FI_DRIVER_VERSION="570.1"'


def page(pod: Json, reasons: int | None) -> bytes:
    """What an exporter says of the GPU of a pod."""
    place = f'container="server",namespace="{pod["metadata"]["namespace"]}",pod="{pod["metadata"]["name"]}"'
    said = {"GPU_TEMP": 71, "POWER_USAGE": 312.5, "CLOCKS_EVENT_REASONS": reasons}
    lines = [f"DCGM_FI_DEV_{name}{{{GPU},{place}}} {value}\n" for name, value in said.items() if value is not None]
    return "".join(lines).encode()


def measured(evallab: Installed, namespace: str, name: str, *, reasons: int | None = None, **spec: Any) -> Json:
    """Run a job with a model server to its end; return what its record says of its course."""
    job: Json = {
        "apiVersion": "evallab.dev/v1alpha1",
        "kind": "EvalJob",
        "metadata": {"name": name},
        "spec": {"model": SERVED, "benchmarks": [{"providerId": "lm_evaluation_harness", "id": "demo_facts"}], **spec},
    }
    told = {"page": b""}

    def answer(_: Seen) -> Answer:
        return 200, {"Content-Type": "text/plain"}, told["page"]

    def pods() -> list[Json]:
        return evallab.cluster.list("pods", namespace=namespace, labels="evallab.dev/role=model-server")

    with serving(answer, at=(evallab.cluster.host, exporter_port(evallab.cluster))):
        evallab.apply(job, namespace=namespace)
        told["page"] = page(until(pods, what="a model server")[0], reasons)
        status = evallab.finished(name, namespace=namespace, seconds=600)
    assert status["phase"] == "Completed", status
    [row] = evallab.rows(RECORD, status["jobId"])
    found: Json = row["record"]
    return found


@pytest.mark.parametrize("network", ["None", "ModelOnly"])
def test_a_model_server_is_asked_fixed_prompts_and_watched(evallab: Installed, namespace: str, network: str) -> None:
    """Policies keep everybody else out of model servers; the operator comes in."""
    record = measured(evallab, namespace, "watched", network=network)
    told, seen = record["canary"], record["telemetry"]
    assert told["outcome"] in {"first", "identical"}, told  # other tests have the same setup
    assert (told["prompts"], told["within"], told["detail"]) == (16, "identical", "token ids")
    assert seen["throughput"]["samples_per_minute"] > 0
    assert seen["throughput"]["tokens_per_second"] is not None
    [gpu] = seen["gpus"]
    assert (gpu["device"], gpu["name"], gpu["driver"], gpu["temperature_max"], gpu["power_mean"]) == (
        "GPU-0",
        "NVIDIA H200",
        "570.1",
        71.0,
        312.5,
    )
    assert gpu["throttled_share"] is None  # the exporter's default list says nothing of it


def test_a_gpu_that_was_slowed_speaks_against_the_numbers(evallab: Installed, namespace: str) -> None:
    names = ("demo_facts", "demo_arith", "demo_complete", "demo_instruct")  # longer than a window or two
    asked = [{"providerId": "lm_evaluation_harness", "id": each} for each in names]
    record = measured(evallab, namespace, "slowed", reasons=0x40, benchmarks=asked)
    assert record["telemetry"]["gpus"][0]["throttled_share"] == 1.0
    assert record["telemetry"]["throughput"]["validity"] == "invalid"
    *_, last = evallab.status("slowed", namespace=namespace)["benchmarks"]
    assert last["primaryScore"]["validity"] == "invalid"


def test_an_address_that_a_job_names_is_not_asked_and_the_record_says_why(evallab: Installed, namespace: str) -> None:
    model = {"name": "nobody", "url": "http://nobody.invalid:9/v1"}
    evallab.apply(faulty_job("ok", name="elsewhere", model=model, determinism={}), namespace=namespace)
    status = evallab.finished("elsewhere", namespace=namespace)
    [row] = evallab.rows(RECORD, status["jobId"])
    assert (status["phase"], row["record"]["canary"]["outcome"]) == ("Completed", "none")
    assert "no address that a job names" in row["record"]["canary"]["why"]
    assert row["record"]["telemetry"]["gpus"] == []
