"""The mini-program's own modules under node, on a phone that stands in for WeChat's, against a real installation."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import Any

from phr.clock import now_ms
from phr.people import openids
from phr.people.openids import OpenId
from tests.clients.describing import CLIENT
from tests.real.installation import Installation
from tests.security.wechat import APPID, StandIn

PATIENCE_S = 120
Step = list[Any]


def node(*arguments: str, sent: str = "") -> str:
    """What a program prints that runs in the client's folder."""
    done = subprocess.run(
        arguments, cwd=CLIENT, input=sent, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def exported(module: str, name: str) -> Any:
    """A constant of one of the client's modules."""
    return json.loads(node("node", "-p", f"JSON.stringify(require('./.built/{module}').{name})"))


@dataclass(slots=True)
class Phone:
    """Somebody's, whose WeChat login is ``openid``; each run is a new start of the program."""

    house: Installation
    wechat: StandIn
    client: str
    openid: str
    last: dict[str, Any] = field(default_factory=dict)

    def does(self, *steps: Step) -> list[dict[str, Any]]:
        """Of each step {"answer"} or {"problem"}."""
        settings = {"house": self.house.url, "client": self.client, "scopes": exported("settings", "settings.scopes")}
        codes = [self.wechat.login(self.openid) for _ in range(3)]
        sent = json.dumps({"settings": settings, "codes": codes, "steps": steps})
        self.last = json.loads(node("node", "test/drive.js", sent=sent))
        came: list[dict[str, Any]] = self.last["came"]
        return came

    def answers(self, *steps: Step) -> list[Any]:
        """Of each step the answer; fails where one went wrong."""
        came = self.does(*steps)
        assert [one["problem"] for one in came if "problem" in one] == []
        return [one["answer"] for one in came]

    def person(self) -> str:
        database, settings = self.house.operator.database, self.house.operator.settings
        return openids.person_of(database, OpenId(APPID, self.openid), settings.timezone, now_ms())
