"""What a server's refusals are to a command, and to a script that sees its exit code."""

import json

import pytest

from evallab.cli.exits import Exit, of_error
from evallab.remote.errors import of_answer


def said(status: int, code: str = "some_code") -> bytes:
    return json.dumps({"message_code": code, "message": f"message of {status}", "trace": "t"}).encode()


@pytest.mark.parametrize(
    ("status", "code", "exit_code", "remedy"),
    [
        (400, "request_validation_failed", Exit.USAGE, ""),
        (400, "missing_tenant_header", Exit.USAGE, "Name the namespace of the jobs: --namespace, or EVALLAB_TENANT."),
        (401, "unauthenticated", Exit.USAGE, "Put a token that the server takes into EVALLAB_TOKEN."),
        (403, "forbidden", Exit.USAGE, ""),
        (404, "resource_not_found", Exit.USAGE, ""),
        (409, "job_can_not_be_updated", Exit.USAGE, ""),
    ],
)
def test_what_the_user_can_mend(status: int, code: str, exit_code: Exit, remedy: str) -> None:
    error = of_answer(status, said(status, code), server="http://x")
    assert (of_error(error), error.message, error.remedy) == (exit_code, f"message of {status}", remedy)


@pytest.mark.parametrize("status", [408, 429, 500, 503, 507])
def test_what_only_time_can_mend(status: int) -> None:
    error = of_answer(status, said(status), server="http://x")
    assert (of_error(error), error.message) == (Exit.INTERNAL, f"http://x: message of {status}")


@pytest.mark.parametrize("content", [b"<html>Bad Gateway</html>", b"", b"[]", b'{"error": 1}', b"\xff"])
def test_who_is_no_server_of_evallab(content: bytes) -> None:
    error = of_answer(404, content, server="http://x")
    assert of_error(error) == Exit.INTERNAL
    assert error.message.startswith("http://x answered 404, which is no answer of evallab: ")
