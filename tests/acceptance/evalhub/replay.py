"""Sends the recorded requests again, to this server, in the script's order; `replaying` judges what comes back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.evalhub.comparing import HEADERS, Finding, compare, lines, normal, without_exports
from tests.acceptance.evalhub.replay_script import EXPORTING, SCRIPT, WITHOUT_EXPORTS, Send, Until
from tests.acceptance.evalhub.running import Answer, Server
from tests.acceptance.evalhub.samples import Pair


@dataclass
class Replay:
    """One run through the script. `ids` holds recorded id → id here; `texts` holds text here → text recorded."""

    server: Server
    recorded: Mapping[str, Pair]
    texts: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)

    def run(self) -> "Replay":
        """Send everything."""
        for step in SCRIPT:
            if isinstance(step, str):
                self._replay(self.recorded[step])
            elif isinstance(step, Send):
                self._send(step)
            else:
                self._wait(step)
        return self

    def findings(self, name: str) -> list[Finding]:
        """Return where the answer to a recorded request differs from the recorded one."""
        pair, answer = self.recorded[name], self.answers[name]
        found = [] if answer.status == pair.status else [Finding("changed", "status", pair.status, answer.status)]
        recorded = _parsed(pair.answer)
        if name in EXPORTING:
            recorded = without_exports(recorded)
        found += compare(_heads(pair.headers), _heads(answer.headers), "headers")
        return found + list(compare(normal(recorded), normal(_parsed(self._body(answer))), "body"))

    def _replay(self, pair: Pair) -> None:
        body = pair.body.encode() if isinstance(pair.body, str) else self._here(pair.body)
        self.answers[pair.name] = answer = self.server.request(pair.method, self._here(pair.path), body)
        if pair.status in {201, 202} and answer.status == pair.status:
            self.ids[pair.answer["resource"]["id"]] = answer.body["resource"]["id"]

    def _send(self, step: Send) -> None:
        body = self._here(step.body)
        if step.body == WITHOUT_EXPORTS:
            body = without_exports(self.recorded["job_create"].body)
        answer = self.server.request(step.method, self._here(step.path), body)
        if step.as_made_by:
            self.ids[self._made_by(step.as_made_by)] = answer.body["resource"]["id"]

    def _wait(self, step: Until) -> None:
        job_id = self.ids[self._made_by(step.made_by)]
        self.server.until(lambda: self._state(job_id) in step.states, what=f"the job of {step.made_by}")

    def _state(self, job_id: str) -> str:
        return str(self.server.job(job_id)["status"]["state"])

    def _made_by(self, name: str) -> str:
        """Return the recorded id of what a sample made; a name of the script's own stands for itself."""
        return str(self.recorded[name].answer["resource"]["id"]) if name in self.recorded else name

    def _here(self, value: Any) -> Any:
        """Return a recorded request with the ids of this run."""
        text = json.dumps(value)
        for recorded, own in self.ids.items():
            text = text.replace(recorded, own)
        return json.loads(text)

    def _body(self, answer: Answer) -> Any:
        """Return an answer with the recorded ids."""
        text = answer.text
        for recorded, own in self.ids.items():
            text = text.replace(own, recorded)
        for own, recorded in self.texts.items():
            text = text.replace(own, recorded)
        is_json = answer.headers.get("content-type", "").startswith("application/json") and text
        return json.loads(text) if is_json else text


def _parsed(body: Any) -> Any:
    """Return a JSON body as it is, and of a text its lines."""
    return lines(body) if isinstance(body, str) and body else body


def _heads(headers: Mapping[str, str]) -> dict[str, str]:
    lower = {name.lower(): value for name, value in headers.items()}
    return {name: lower[name] for name in HEADERS if name in lower}
