"""Templates, runs and approvals for ``bench/pages.py``, and the addresses of the pages that show them."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Protocol, Sequence

TEMPLATES = 40
RUNS = 300
LOUD_LINES = 400
WAITING = 20
PICKERS = (
    "OwnerPicker", "EntityPicker", "MultiEntityPicker", "OwnedEntityPicker", "MyGroupsPicker", "EntityTagsPicker", "RepoUrlPicker"
)  # fmt: skip
_LISTS = ("MultiEntityPicker", "EntityTagsPicker")


class Asks(Protocol):
    """A browser that is signed in."""

    def page(self, path: str) -> bytes: ...
    def send(self, path: str, body: Mapping[str, Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Made:
    """Ids of tasks, and the path of an approval."""

    runs: Sequence[str]
    loud: str
    waiting: str
    approval: str


def documents() -> list[str]:
    """Templates, one JSON a document: dozens of the usual size, one of many questions, one that says much, one that waits."""
    many = {
        f"field{i:02}": {
            "type": "string", "title": f"Question {i}", "description": "What it is for, in a sentence of the usual length.",
            **({"enum": [f"choice-{j}" for j in range(12)]} if i % 3 == 0 else {"default": "as usual"}),
        }
        for i in range(60)
    }  # fmt: skip
    pickers = {
        name: {"title": name, "ui:field": name, "type": "array" if name in _LISTS else "string"} for name in PICKERS
    }
    usual = [_step(f"say{i}", {"message": "${{ parameters.field00 }}"}) for i in range(3)]
    found = [
        _template(f"usual-{i:02}", [{"title": "About it", "properties": dict(list(many.items())[:6])}], usual)
        for i in range(TEMPLATES - 4)
    ]
    return [
        *found,
        _template("questions", [{"title": "Many", "properties": many}], usual),
        _template("pickers", [{"title": "Pickers", "properties": pickers}], usual),
        _template("loud", [], [_step("say", {"message": "${{ each.value }}"}, each=[f"line {i}" for i in range(LOUD_LINES)])]),
        _template(
            "asking", [],
            [{"id": "ask", "action": "callboard:approve", "input": {
                "approvers": ["user:default/user-000000", "group:default/crowd"], "message": "May it?", "allowStarter": True,
            }}],
        ),
    ]  # fmt: skip


def _step(id: str, given: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id, "name": f"Say {id}", "action": "debug:log", "input": given, **more}


def _template(name: str, parameters: Sequence[Any], steps: Sequence[Any]) -> str:
    metadata = {
        "name": name, "title": f"Template {name}", "description": "What one gets, in one or two sentences of the usual length. " * 2,
        "tags": ["measured", f"tag-{name[-1]}"],
    }  # fmt: skip
    spec = {"type": ("service", "library")[len(name) % 2], "owner": "crowd", "parameters": parameters, "steps": steps}
    whole = {"apiVersion": "scaffolder.backstage.io/v1beta3", "kind": "Template", "metadata": metadata, "spec": spec}
    return json.dumps(whole)


def run_all(browser: Asks, patience_s: float = 120) -> Made:
    """Some hundreds of runs, most of them completed when this returns."""

    def start(name: str) -> str:
        said = browser.send("/api/scaffolder/v2/tasks", {"templateRef": f"template:default/{name}", "values": {}})
        return str(said["id"])

    waiting = [start("asking") for _ in range(WAITING)]
    loud = start("loud")
    runs = [start(f"usual-{i % (TEMPLATES - 4):02}") for i in range(RUNS)]
    until = time.monotonic() + patience_s
    while (left := _going(browser)) > WAITING:
        if time.monotonic() > until:
            raise RuntimeError(f"{left} tasks have not ended within {patience_s:.0f} s")
        time.sleep(0.5)
    found = re.search(rb'href="(/create/approvals/[^"?]+)"', browser.page("/create/approvals"))
    assert found is not None, "no approval waits"
    return Made(runs, loud, waiting[0], found[1].decode())


def _going(browser: Asks) -> int:
    whole = b"".join(
        browser.page(f"/api/scaffolder/v2/tasks?limit=1&status={state}")[-200:] for state in ("open", "processing")
    )
    return sum(int(one) for one in re.findall(rb'"totalTasks":(\d+)', whole))


def pages(made: Made) -> dict[str, Callable[[int], str]]:
    """Each page's address for request number i."""
    return {
        "create": lambda i: "/create",
        "create, filtered": lambda i: f"/create?q=usual&tag=measured&n={i}",
        "form of a template": lambda i: f"/create/templates/default/usual-{i % 30:02}",
        "form of 60 questions": lambda i: "/create/templates/default/questions",
        "form of pickers": lambda i: "/create/templates/default/pickers",
        "tasks": lambda i: f"/create/tasks?start={30 * (i % 8)}",
        "tasks of all, one state": lambda i: f"/create/tasks?whose=all&state=completed&start={30 * (i % 8)}",
        "run": lambda i: f"/create/tasks/{made.runs[i % len(made.runs)]}",
        "run of 400 lines": lambda i: f"/create/tasks/{made.loud}",
        "run that waits": lambda i: f"/create/tasks/{made.waiting}",
        "approvals": lambda i: "/create/approvals",
        "approval": lambda i: made.approval,
        "actions": lambda i: "/create/actions",
        "action": lambda i: "/create/actions/" + ("fetch:template", "publish:github", "debug:log")[i % 3],
        "template editor": lambda i: "/create/edit",
        "template editor, questions": lambda i: "/create/edit?template=template:default/questions",
        "template": lambda i: f"/catalog/default/template/usual-{i % 30:02}",
        "template, what it made": lambda i: f"/catalog/default/template/usual-{i % 30:02}/made",
    }
