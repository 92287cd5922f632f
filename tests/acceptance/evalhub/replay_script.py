"""The order in which the samples are replayed, with the requests in between that were made but not recorded."""

from dataclasses import dataclass
from typing import Any

JOBS = "/api/v1/evaluations/jobs"
COLLECTIONS = "/api/v1/evaluations/collections"
ENDED = ("completed", "failed", "partially_failed", "cancelled")


@dataclass(frozen=True)
class Send:
    """A request that was not recorded; `as_made_by` says whose recorded id the thing that it makes is known by."""

    method: str
    path: str
    body: Any = None
    as_made_by: str = ""


@dataclass(frozen=True)
class Until:
    """Wait until the job that a sample made is in one of these states."""

    made_by: str
    states: tuple[str, ...] = ENDED


Step = str | Send | Until
_DEMO = f"{JOBS}/46c1ffdd-384a-43e9-a6d3-8586051759ee"
_SLEEPER = f"{JOBS}/9d6b72c9-f8bb-45fb-82d5-f8d54d78cfea"
_COLLECTION = f"{COLLECTIONS}/142c220b-2d83-4955-af4d-c0df39dd6cf4"
_B1 = {"id": "b1", "provider_id": "tiny"}
_MODEL = {"url": "http://127.0.0.1:9/v1", "name": "m"}
_SLEEP = {"name": "before", "model": _MODEL, "benchmarks": [{"id": "z", "provider_id": "sleeper"}]}
_WARNED = {"message": "see /api/v1/evaluations/jobs/x and http://127.0.0.1:9/v1/models", "message_code": "w"}
_ERRED = {"provider_id": "sleeper", "id": "z", "status": "running", "phase": "loading_data"} | {
    "error_message": {"message": "e", "message_code": "ec"},
    "warning_message": _WARNED,
}

WITHOUT_EXPORTS = "the body of job_create without its exports"

READING: tuple[Step, ...] = (
    *("health", "health_post", "provider_get", "provider_get_404", "providers_list", "providers_list_badparam"),
    *("collection_get", "collections_list", "collections_list_badparam", "collections_scope_bad"),
    *("collections_scope_owner", "metrics", "options", "root404", "jobs_limit_0", "job_404", "jobs_put"),
    *("jobs_trailing", "clones_get", "coll_meta", "clone_unknown", "prov_put_sys", "prov_patch_sys"),
)
REFUSED_JOBS: tuple[Step, ...] = (
    *("jobs_err_badjson", "jobs_err_colloverride_badbench", "jobs_err_colloverride_badprov", "jobs_err_emptybench"),
    *("jobs_err_hw_excl", "jobs_err_missingbenchid", "jobs_err_missingprovid", "jobs_err_oci_nohost"),
    *("jobs_err_queue_name", "jobs_err_resolvedsha", "jobs_err_testdata_none", "jobs_err_threshold"),
    *("jobs_err_unknownbench", "jobs_err_unknowncoll"),
)
#: Only one job runs at a time, so that a job behind another is pending for as long as it is looked at.
DEMO: tuple[Step, ...] = (
    Send("POST", JOBS, _SLEEP, as_made_by="blocker"),
    Until("blocker", ("running",)),
    "job_create",
    Send("POST", JOBS, WITHOUT_EXPORTS, as_made_by="job_create"),
    "job_get_pending",
    Send("DELETE", f"{JOBS}/blocker"),
    Until("job_create"),
    *("job_get_completed", "job_logs", "job_bench_logs", "logs_all", "logs_bad_tail2", "logs_bad_index"),
    Send("DELETE", _DEMO),
    *("job_get_after_409", "logs_after_409"),
)
ENDS: tuple[Step, ...] = (
    *("create_badcmd", "create_nolocal", "create_true", "create_stamp", "create_fail", "create_allfail", "create_coll"),
    *(Until(f"create_{name}") for name in ("badcmd", "nolocal", "true", "stamp", "fail", "allfail", "coll")),
    *("get_badcmd", "logs_badcmd", "get_nolocal", "get_true", "get_allfail", "get_coll", "get_fail"),
)
EVENTS: tuple[Step, ...] = (
    "create_sleeper",
    Until("create_sleeper", ("running",)),
    *("ev_badphase", "ev_badstatus", "ev_running", "ev_get_running", "ev_missing", "ev_schema_bad", "ev_schema_dup"),
    *("ev_schema_type", "ev_unknownfields", "ev_404", "ev_get_method"),
    Send("POST", f"{_SLEEPER}/events", {"benchmark_status_event": _ERRED}),
    *("ev_get2", "ev_pending_after_running", "ev_get3", "cancel", "cancel_again", "get_cancelled"),
    *("logs_after_cancel", "harddel_cancelled"),
)
PROVIDERS: tuple[Step, ...] = (
    *("prov_create", "prov_create_min", "prov_create_dupname", "prov_put", "prov_patch", "prov_patch_move"),
    *("prov_patch_badpath", "prov_patch_nopath", "prov_patch_runtime_missing", "prov_patch_empty", "prov_patch_object"),
)
_RENAMED = {"name": "C3", "category": "cat", "custom": {"z": 1}, "benchmarks": [_B1]}
_OTHER = {"name": "C", "category": "c", "benchmarks": [_B1]}
MADE_COLLECTIONS: tuple[Step, ...] = (
    *("clones_post", "clones_post2", "coll_create", "coll_create_nobench", "coll_create_nocat"),
    Send("POST", COLLECTIONS, _OTHER, as_made_by="71c7834e-50b8-481a-9f85-f9d50aeac484"),
    Send("PUT", _COLLECTION, _RENAMED),
    "coll_patch_bench_rm",
    Send("DELETE", _COLLECTION),
    *("clone_empty", "clone_overrides", "coll_list_sort"),
)
DELETED: tuple[Step, ...] = ("delete_hard", "delete_hard_again")
SCRIPT: tuple[Step, ...] = (*READING, *REFUSED_JOBS, *DEMO, *ENDS, *EVENTS, *PROVIDERS, *MADE_COLLECTIONS, *DELETED)
EXPORTING = frozenset({"job_get_pending", "job_get_completed", "job_get_after_409", "job_logs", "logs_all"})
