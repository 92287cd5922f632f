"""What kopf is told to leave alone."""

import kopf

from evallab.controller.host import settings


def test_kopf_neither_copies_objects_nor_notes_anything_on_them() -> None:
    found = settings().persistence
    body, patch = kopf.Body({"metadata": {}, "spec": {"a": 1}}), kopf.Patch()
    essence = found.diffbase_storage.build(body=body)
    found.diffbase_storage.store(body=body, patch=patch, essence=essence)
    found.progress_storage.touch(body=body, patch=patch, value="now")
    assert (essence, found.diffbase_storage.fetch(body=body)) == ({}, None)
    assert found.progress_storage.clear(essence=essence) is essence
    assert dict(patch) == {}
