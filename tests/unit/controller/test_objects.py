"""What the operator remembers of EvalJobs."""

from typing import Any

from evallab.controller.objects import Known, Objects, known, packed

BODY: dict[str, Any] = {
    "apiVersion": "evallab.dev/v1alpha1",
    "kind": "EvalJob",
    "metadata": {
        "name": "one",
        "namespace": "team",
        "uid": "u1",
        "generation": 2,
        "resourceVersion": "10",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "evallab.dev/description": "d"},
        "managedFields": [{"manager": "kubectl"}],
    },
    "spec": {"model": {"name": "m"}, "suspend": True, "ttlSecondsAfterFinished": 5},
    "status": {"phase": "Running"},
}


def _changed(version: str, *, status: Any = None, generation: int = 2, **spec: Any) -> dict[str, Any]:
    meta = BODY["metadata"] | {"resourceVersion": version, "generation": generation}
    return BODY | {"metadata": meta, "status": status or BODY["status"], "spec": BODY["spec"] | spec}


def test_what_is_remembered() -> None:
    found = known(BODY)
    manifest = {
        "apiVersion": "evallab.dev/v1alpha1",
        "kind": "EvalJob",
        "metadata": {"name": "one", "namespace": "team", "annotations": {"evallab.dev/description": "d"}},
        "spec": BODY["spec"],
    }
    assert (found.manifest, found.status) == (manifest, {"phase": "Running"})
    assert found == Known(
        uid="u1",
        namespace="team",
        name="one",
        version="10",
        generation=2,
        suspend=True,
        ttl=5,
        packed_status=packed({"phase": "Running"}),
        packed_manifest=packed(manifest),
    )


def test_only_what_is_new_is_looked_at() -> None:
    objects = Objects()
    told = [
        objects.put(BODY),
        objects.put(BODY),
        objects.put(_changed("11", labels=1)),
        objects.put(_changed("12", generation=3, suspend=False)),
        objects.put(_changed("13", generation=3, suspend=False, status={"phase": "made up"})),
        objects.put(_changed("9", generation=1)),
    ]
    assert told == [True, False, False, True, True, False]


def test_a_status_that_we_wrote_is_no_news_when_the_watch_brings_it() -> None:
    objects = Objects()
    objects.put(BODY)
    objects.wrote("u1", _changed("20", status={"phase": "Completed"}))
    early = objects.put(_changed("15"))
    same = objects.put(_changed("20", status={"phase": "Completed"}))
    found = objects.get("u1")
    assert found is not None
    assert (early, same, found.status, found.version) == (False, False, {"phase": "Completed"}, "20")


def test_the_manifest_is_kept_until_it_is_stored_and_does_not_come_back() -> None:
    objects = Objects()
    objects.put(BODY)
    objects.stored("u1")
    objects.put(_changed("11", generation=3, suspend=False))
    found = objects.get("u1")
    assert found is not None
    assert (found.manifest, found.suspend) == ({}, False)


def test_an_ended_job_is_open_again_when_it_is_asked_something_else() -> None:
    objects = Objects()
    objects.put(BODY)
    objects.end("u1")
    objects.put(_changed("11"))
    quiet = objects.get("u1")
    objects.put(_changed("12", generation=3, ttlSecondsAfterFinished=9))
    asked = objects.get("u1")
    assert quiet is not None
    assert asked is not None
    assert (quiet.ended, asked.ended) == (True, False)


def test_what_is_gone_is_forgotten() -> None:
    objects = Objects()
    objects.put(BODY)
    objects.drop("u1")
    objects.wrote("u1", BODY)
    objects.end("u1")
    assert (len(objects), list(objects)) == (0, [])


def test_a_job_that_has_ended_may_go_on() -> None:
    objects = Objects()
    objects.put(BODY)
    objects.end("u1")
    ended = objects.get("u1")
    objects.resume("u1")
    again = objects.get("u1")
    assert ended is not None
    assert again is not None
    assert (ended.ended, again.ended) == (True, False)
