"""EvalHub's Python client as the tests call it: in a process of its own, because its packages are not ours."""

import json
import subprocess
from pathlib import Path
from typing import Any, Literal

from tests.acceptance.evalhub.sdk_environment import SdkEnvironment

SESSION = Path(__file__).with_name("sdk_session.py")
Kind = Literal["sync", "async"]


class SdkFailure(Exception):
    """The client raised; `kind` names its exception."""

    def __init__(self, kind: str, text: str, reason: str | None) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.reason = reason


class SdkClient:
    """`client("jobs.get", job_id)` is `client.jobs.get(job_id)` of the SDK; models come back as dictionaries.

    `begin` and `result` are the two halves of a call, so that two clients can be busy at once.
    """

    def __init__(self, sdk: SdkEnvironment, kind: Kind, url: str) -> None:
        self.kind = kind
        self._process = subprocess.Popen(
            [str(sdk.python), str(SESSION), kind, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        self.begin(method, *args, **kwargs)
        return self.result()

    def begin(self, method: str, *args: Any, **kwargs: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"method": method, "args": args, "kwargs": kwargs}) + "\n")
        self._process.stdin.flush()

    def result(self) -> Any:
        """Return what the call returned. Raises SdkFailure when it raised."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the client's process ended"
        answer = json.loads(line)
        if "error" in answer:
            raise SdkFailure(answer["error"], answer["text"], answer["reason"])
        return answer["value"]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
