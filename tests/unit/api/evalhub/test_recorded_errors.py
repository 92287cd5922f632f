"""Every refusal of a job, an event or a list that EvalHub 1.0.2 was recorded with, against ours.

The decoder's own prose is free; of `jobs_err_badjson` only the code is compared.
"""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.event import read_event
from evallab.api.evalhub.query import parse_log_query, parse_query
from evallab.api.evalhub.reading import read
from evallab.api.evalhub.request import JobRequest

HERE = Path(__file__).parents[5] / "shared" / "evalhub" / "samples"
SAMPLES = Path(os.environ.get("EVALLAB_EVALHUB_SAMPLES", HERE))
LISTS = {
    "jobs": ("limit", "offset", "status", "name", "tags", "owner", "experiment_id"),
    "providers": ("limit", "offset", "benchmarks", "name", "tags", "owner", "scope"),
    "collections": (
        *("limit", "offset", "name", "category", "tags", "owner", "scope"),
        *("domains", "tasks", "modalities", "industries", "evaluation_targets", "sort_by"),
    ),
}
PURE = (
    *("jobs_err_badjson", "jobs_err_emptybench", "jobs_err_hw_excl", "jobs_err_missingbenchid"),
    *("jobs_err_missingprovid", "jobs_err_oci_nohost", "jobs_err_queue_name", "jobs_err_resolvedsha"),
    *("jobs_err_testdata_none", "jobs_err_threshold"),
    *("ev_badphase", "ev_badstatus", "ev_missing", "ev_schema_bad", "ev_schema_dup", "ev_schema_type"),
    *("collections_list_badparam", "collections_scope_bad", "collections_scope_owner"),
    *("providers_list_badparam", "logs_bad_tail2"),
)
NEED_A_CATALOG_OR_A_STORE = (
    *("jobs_err_colloverride_badbench", "jobs_err_colloverride_badprov", "jobs_err_unknownbench"),
    *("jobs_err_unknowncoll", "ev_404"),
)
TAKEN = (
    *("job_create", "create_coll", "create_fail", "create_nolocal", "ev_running", "ev_unknownfields"),
    *("ev_pending_after_running", "coll_list_sort", "jobs_limit_0", "logs_all", "job_bench_logs"),
)
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="EvalHub's recorded answers are not here")


def recorded(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    pair = json.loads((SAMPLES / f"{name}.json").read_text())
    return pair["request"], pair["response"]


def ask(request: dict[str, Any]) -> None:
    url, body = urlsplit(request["path"]), request["body"]
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    pairs = parse_qsl(url.query, keep_blank_values=True)
    last = url.path.rpartition("/")[2]
    if last == "events":
        read_event(raw)
    elif last == "logs":
        parse_log_query(pairs)
    elif request["method"] == "POST":
        read(raw, JobRequest, root="EvaluationJobConfig")
    else:
        parse_query(pairs, LISTS[last])


@pytest.mark.parametrize("name", PURE)
def test_refused_in_the_same_words(name: str) -> None:
    request, response = recorded(name)
    with pytest.raises(ApiError) as caught:
        ask(request)
    ours, theirs = caught.value.body("t"), response["body"] | {"trace": "t"}
    if name == "jobs_err_badjson":
        ours["message"] = theirs["message"]
    assert (caught.value.status, ours) == (response["status"], theirs)


@pytest.mark.parametrize("name", NEED_A_CATALOG_OR_A_STORE + TAKEN)
def test_taken(name: str) -> None:
    ask(recorded(name)[0])


def test_none_of_the_recorded_refusals_is_left_out() -> None:
    names = {path.stem for path in SAMPLES.glob("*.json")}
    wanted = ("jobs_err_", "ev_bad", "ev_missing", "ev_schema_", "logs_bad_tail")
    refusals = {name for name in names if name.startswith(wanted) or "_scope_" in name or name.endswith("_badparam")}
    assert refusals <= {*PURE, *NEED_A_CATALOG_OR_A_STORE}
